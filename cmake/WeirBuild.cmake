# SPDX-License-Identifier: MIT
# Compiler settings and the function that declares a plugin.

add_library(weir-options INTERFACE)
target_include_directories(weir-options INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(weir-options INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64
                           WEIR_VERSION="${PROJECT_VERSION}")
target_compile_options(weir-options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wcast-qual -Wwrite-strings -Wvla
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
  -fno-omit-frame-pointer -fstack-protector-strong)
# Error texts and log lines are bounded on purpose (weir_fail, weir_logf).
target_compile_options(weir-options INTERFACE $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)
if(CMAKE_BUILD_TYPE MATCHES "Rel")
  target_compile_options(weir-options INTERFACE -O2 $<$<COMPILE_LANGUAGE:C>:-D_FORTIFY_SOURCE=2>)
endif()
if(WEIR_SANITIZE)
  target_compile_options(weir-options INTERFACE -fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all -U_FORTIFY_SOURCE)
  target_link_options(weir-options INTERFACE -fsanitize=${WEIR_SANITIZE})
endif()

set_property(GLOBAL PROPERTY WEIR_PLUGINS_BUILT "")
set_property(GLOBAL PROPERTY WEIR_PLUGINS_LEFT "")

# weir_plugin(KIND NAME [PACKAGE] [LIBRARIES lib...]): one .so from every .c (and .cpp) file of the folder.
# PACKAGE: it comes in the package weir-plugin-NAME, for those who need it, not in weir.
# Includes only include/weir and plugins/support, which is all that a plugin may see.
function(weir_plugin kind name)
  cmake_parse_arguments(ARG "PACKAGE" "" "LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.c *.cpp)
  set(target plugin-${kind}-${name})
  add_library(${target} MODULE ${sources})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/plugins ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE weir-options ${ARG_LIBRARIES})
  # The SONAME, which nobody links by, is the mark of a plugin that was built with the agent.
  target_link_options(${target} PRIVATE -Wl,--as-needed -Wl,-soname,weir-${PROJECT_VERSION})
  set_target_properties(${target} PROPERTIES NO_SONAME ON PREFIX "" OUTPUT_NAME ${kind}-${name}
                        LIBRARY_OUTPUT_DIRECTORY ${WEIR_PLUGIN_DIR})
  set(package weir)
  if(ARG_PACKAGE)
    set(package weir-plugin-${name})
    set_property(GLOBAL APPEND_STRING PROPERTY WEIR_PLUGIN_PACKAGES "${kind} ${name} ${package}\n")
  endif()
  install(TARGETS ${target} DESTINATION ${CMAKE_INSTALL_LIBDIR}/weir/plugins COMPONENT ${package})
  set_property(GLOBAL PROPERTY WEIR_PACKAGE_OF_${kind}_${name} ${package})
  set_property(GLOBAL APPEND PROPERTY WEIR_PLUGINS_BUILT "${kind} ${name}")
endfunction()

# weir_plugin_left(KIND NAME REASON): an optional plugin that isn't built, for the summary.
function(weir_plugin_left kind name reason)
  set_property(GLOBAL APPEND PROPERTY WEIR_PLUGINS_LEFT "${kind} ${name}: ${reason}")
endfunction()

function(weir_summary)
  get_property(built GLOBAL PROPERTY WEIR_PLUGINS_BUILT)
  get_property(left GLOBAL PROPERTY WEIR_PLUGINS_LEFT)
  message(STATUS "Weir ${PROJECT_VERSION}, ${CMAKE_BUILD_TYPE}, ${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}")
  foreach(plugin IN LISTS built)
    message(STATUS "  plugin  ${plugin}")
  endforeach()
  foreach(plugin IN LISTS left)
    message(STATUS "  left out  ${plugin}")
  endforeach()
endfunction()
