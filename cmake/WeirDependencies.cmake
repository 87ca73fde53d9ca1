# SPDX-License-Identifier: MIT
# Libraries that the agent itself needs are required; those of single plugins are looked for, and a
# plugin whose library is missing is left out with that reason.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

macro(weir_need target module package)
  pkg_check_modules(${target} REQUIRED IMPORTED_TARGET ${module})
endmacro()

weir_need(YAML yaml-0.1 libyaml-dev)
weir_need(SQLITE sqlite3 libsqlite3-dev)
weir_need(PCRE2 libpcre2-8 libpcre2-dev)
weir_need(XXHASH libxxhash libxxhash-dev)

pkg_check_modules(CURL IMPORTED_TARGET libcurl)
pkg_check_modules(CRYPTO IMPORTED_TARGET libcrypto)
pkg_check_modules(MICROHTTPD IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(DEFLATE IMPORTED_TARGET libdeflate)
pkg_check_modules(ZLIB IMPORTED_TARGET zlib)
pkg_check_modules(ZSTD IMPORTED_TARGET libzstd)
pkg_check_modules(SIMDJSON IMPORTED_TARGET simdjson)

# libinotify-tools ships no pkg-config file.
find_path(INOTIFYTOOLS_INCLUDE inotifytools/inotifytools.h)
find_library(INOTIFYTOOLS_LIBRARY inotifytools)
