// SPDX-License-Identifier: MIT
#include "support/aws/endpoint.h"

#include <ctype.h>
#include <stdlib.h>

struct partition {
	const char *prefix, *suffix; /* of the region, of the host name */
};

/* Source: partitions.json of the SDKs. */
static const struct partition partitions[] = {
	{"cn-", "amazonaws.com.cn"},    {"us-iso-", "c2s.ic.gov"},
	{"us-isob-", "sc2s.sgov.gov"},  {"us-isof-", "csp.hci.ic.gov"},
	{"eu-isoe-", "cloud.adc-e.uk"}, {"eusc-", "amazonaws.eu"},
	{"", "amazonaws.com"}};

static const char *suffix_of(struct weir_slice region)
{
	const struct partition *p = partitions;

	while (*p->prefix && (region.size < strlen(p->prefix) ||
			      memcmp(region.data, p->prefix, strlen(p->prefix)) != 0))
		p++;
	return p->suffix;
}

static const char *given(const char *option, const char *service)
{
	char name[64];
	const char *url;
	int size;

	if (option && *option)
		return option;
	size = snprintf(name, sizeof(name), "AWS_ENDPOINT_URL_%s", service);
	for (int i = 0; i < size && i < (int)sizeof(name); i++)
		name[i] = (char)toupper((unsigned char)name[i]);
	url = getenv(name);
	if (!url || !*url)
		url = getenv("AWS_ENDPOINT_URL");
	return url && *url ? url : NULL;
}

int endpoint_is_overridden(const char *option, const char *service)
{
	return given(option, service) != NULL;
}

int endpoint_url(const char *option, const char *service, struct weir_slice region,
		 struct text *ret_url)
{
	const char *url = given(option, service), *host;

	if (url) {
		text_add_string(ret_url, url);
		host = strstr(url, "://");
		if (host && !strchr(host + 3, '/'))
			text_add(ret_url, "/", 1);
		return 1;
	}
	text_add_string(ret_url, "https://");
	text_add_string(ret_url, service);
	if (region.size) {
		text_add(ret_url, ".", 1);
		text_add_slice(ret_url, region);
	}
	text_add(ret_url, ".", 1);
	text_add_string(ret_url, suffix_of(region));
	text_add(ret_url, "/", 1);
	return 0;
}

int endpoint_is_region(struct weir_slice region)
{
	for (uint64_t i = 0; i < region.size; i++)
		if (!isalnum((unsigned char)region.data[i]) && region.data[i] != '-')
			return 0;
	return region.size > 0 && region.size < 64;
}
