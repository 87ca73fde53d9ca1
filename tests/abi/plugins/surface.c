// SPDX-License-Identifier: MIT
/* Every type that crosses between host and plugin, for abidiff to compare. */
#include <weir/plugin.h>

#define CROSSES(name)                                                      \
	WEIR_EXTERN_C WEIR_EXPORT const struct name *const name##_crosses; \
	const struct name *const name##_crosses = NULL

CROSSES(weir_plugin_list);
CROSSES(weir_services);
CROSSES(weir_batch);
CROSSES(weir_record);
CROSSES(weir_value);
CROSSES(weir_block_view);
CROSSES(weir_source_view);
CROSSES(weir_shape);
CROSSES(weir_key);
CROSSES(weir_node);
CROSSES(weir_option);
CROSSES(weir_error);
CROSSES(weir_slice);
CROSSES(weir_label);
CROSSES(weir_source_spec);
CROSSES(weir_source_state);
CROSSES(weir_delivery_view);
CROSSES(weir_encode_spec);
CROSSES(weir_encoding);
CROSSES(weir_output_settings);
CROSSES(weir_http_client_options);
CROSSES(weir_http_request);
CROSSES(weir_http_response);
CROSSES(weir_fields);
CROSSES(weir_plugin);
CROSSES(weir_input_ops);
CROSSES(weir_filter_ops);
CROSSES(weir_output_ops);
