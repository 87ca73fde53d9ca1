// SPDX-License-Identifier: MIT
/* Addresses of services. */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include "support/aws/text.h"

/*
 * What a service is reached by, ended by a '/' where it has no path: `option` when given, else
 * AWS_ENDPOINT_URL_<SERVICE> or AWS_ENDPOINT_URL, else the service's own address in the region.
 * Says whether it was overridden.
 */
int endpoint_url(const char *option, const char *service, struct weir_slice region,
		 struct text *ret_url);
int endpoint_is_overridden(const char *option, const char *service);
/* Letters, digits and '-': it becomes part of a host name. */
int endpoint_is_region(struct weir_slice region);

#endif
