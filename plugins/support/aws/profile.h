// SPDX-License-Identifier: MIT
/*
 * The shared files of AWS tools: ~/.aws/config and ~/.aws/credentials, as profiles with keys.
 *
 * The credentials file wins over the config file where both have a key. A file that is missing is an
 * empty one. Values may be secret: they are wiped when freed.
 */
#ifndef AWS_PROFILE_H
#define AWS_PROFILE_H

#include <weir/plugin.h>

struct profiles;

/* Paths by AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, else in the folder .aws of HOME. */
int32_t profiles_load(struct profiles **ret_profiles, struct weir_error *error);
void profiles_free(struct profiles *profiles);

int profiles_has(const struct profiles *profiles, const char *name);
/* NULL when the profile has no such key. */
const char *profiles_get(const struct profiles *profiles, const char *name, const char *key);

/* Pure: adds what is in `text`; `is_config`: sections are called "profile NAME". */
int32_t profiles_read(struct profiles *profiles, struct weir_slice text, int is_config);
struct profiles *profiles_create(void);

#endif
