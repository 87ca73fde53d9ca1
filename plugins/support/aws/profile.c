// SPDX-License-Identifier: MIT
/* Lines of `[section]` and `key = value`; indented lines belong to a nested value and are left out. */
#include "support/aws/profile.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

/* Longer files are nobody's configuration. */
#define PROFILE_FILE_MAX (1 << 20)

struct setting {
	char *profile, *key, *value; /* key is NULL for the section itself */
};

struct profiles {
	struct setting *settings;
	uint32_t count, capacity;
};

struct profiles *profiles_create(void)
{
	return calloc(1, sizeof(struct profiles));
}

void profiles_free(struct profiles *profiles)
{
	if (!profiles)
		return;
	for (uint32_t i = 0; i < profiles->count; i++) {
		struct setting *s = &profiles->settings[i];

		if (s->value)
			explicit_bzero(s->value, strlen(s->value));
		free(s->profile);
		free(s->key);
		free(s->value);
	}
	free(profiles->settings);
	free(profiles);
}

static char *copy_of(struct weir_slice text)
{
	return strndup(text.data ? text.data : "", text.size);
}

static int add(struct profiles *p, struct weir_slice profile, struct weir_slice key,
	       struct weir_slice value)
{
	struct setting *s;

	if (p->count == p->capacity) {
		uint32_t capacity = p->capacity ? 2 * p->capacity : 32;
		struct setting *moved = realloc(p->settings, capacity * sizeof(*moved));

		if (!moved)
			return WEIR_ERR_MEMORY;
		p->settings = moved;
		p->capacity = capacity;
	}
	s = &p->settings[p->count++];
	s->profile = copy_of(profile);
	s->key = key.size ? copy_of(key) : NULL;
	s->value = key.size ? copy_of(value) : NULL;
	if (!s->profile || (key.size && (!s->key || !s->value)))
		return WEIR_ERR_MEMORY;
	for (char *c = s->key; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return 0;
}

static struct weir_slice trim(struct weir_slice text)
{
	while (text.size && isspace((unsigned char)*text.data))
		text.data++, text.size--;
	while (text.size && isspace((unsigned char)text.data[text.size - 1]))
		text.size--;
	return text;
}

/* "[profile x]" and "[default]" in the config file, "[x]" in the other; an empty name is none. */
static struct weir_slice section_name(struct weir_slice line, int is_config)
{
	const char *close = memchr(line.data, ']', line.size);
	struct weir_slice name = {line.data + 1, close ? (uint64_t)(close - line.data) - 1 : 0};
	struct weir_slice none = {NULL, 0};

	name = trim(name);
	if (!is_config || weir_slice_equals(name, "default"))
		return name;
	if (name.size < 8 || memcmp(name.data, "profile", 7) != 0 ||
	    !isspace((unsigned char)name.data[7]))
		return none;
	name.data += 8;
	name.size -= 8;
	return trim(name);
}

static int read_line(struct profiles *p, struct weir_slice line, int is_config,
		     struct weir_slice *section)
{
	const struct weir_slice none = {NULL, 0};
	struct weir_slice text = trim(line), key, value;
	const char *equals;

	if (text.size == 0 || *text.data == '#' || *text.data == ';')
		return 0;
	if (*text.data == '[') {
		*section = section_name(text, is_config);
		return section->size ? add(p, *section, none, none) : 0;
	}
	equals = memchr(text.data, '=', text.size);
	if (section->size == 0 || !equals || isspace((unsigned char)*line.data))
		return 0;
	key = trim((struct weir_slice){text.data, (uint64_t)(equals - text.data)});
	value = trim(
		(struct weir_slice){equals + 1, text.size - (uint64_t)(equals - text.data) - 1});
	return key.size ? add(p, *section, key, value) : 0;
}

int32_t profiles_read(struct profiles *profiles, struct weir_slice text, int is_config)
{
	const char *at = text.data, *end = at + text.size;
	struct weir_slice section = {NULL, 0};

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct weir_slice line = {at, (uint64_t)((stop ? stop : end) - at)};

		if (read_line(profiles, line, is_config, &section))
			return WEIR_ERR_MEMORY;
		at = stop ? stop + 1 : end;
	}
	return 0;
}

int profiles_has(const struct profiles *profiles, const char *name)
{
	for (uint32_t i = 0; i < profiles->count; i++)
		if (strcmp(profiles->settings[i].profile, name) == 0)
			return 1;
	return 0;
}

/* What was read later wins: the credentials file. */
const char *profiles_get(const struct profiles *profiles, const char *name, const char *key)
{
	for (uint32_t i = profiles->count; i-- > 0;) {
		const struct setting *s = &profiles->settings[i];

		if (s->key && strcmp(s->profile, name) == 0 && strcmp(s->key, key) == 0)
			return s->value;
	}
	return NULL;
}

static int32_t load_file(struct profiles *profiles, const char *path, int is_config,
			 struct weir_error *error)
{
	FILE *file = fopen(path, "re");
	struct weir_slice text;
	int32_t code = 0;
	char *data;

	if (!file)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : weir_fail(error, WEIR_ERR_IO, "cannot read %s: %m", path);
	data = malloc(PROFILE_FILE_MAX);
	text = (struct weir_slice){data, data ? fread(data, 1, PROFILE_FILE_MAX, file) : 0};
	if (ferror(file))
		code = weir_fail(error, WEIR_ERR_IO, "cannot read %s: %m", path);
	else if (text.size == PROFILE_FILE_MAX)
		code = weir_fail(error, WEIR_ERR_INVALID, "%s is too long: over 1 MiB", path);
	else if (!data || profiles_read(profiles, text, is_config))
		code = weir_fail(error, WEIR_ERR_MEMORY, "no memory to read %s", path);
	if (data)
		explicit_bzero(data, text.size);
	free(data);
	fclose(file);
	return code;
}

static int32_t load(struct profiles *profiles, const char *variable, const char *name,
		    int is_config, struct weir_error *error)
{
	const char *path = getenv(variable), *home = getenv("HOME");
	char in_home[4096];

	if (path && *path)
		return load_file(profiles, path, is_config, error);
	if (!home || !*home)
		return 0;
	snprintf(in_home, sizeof(in_home), "%s/.aws/%s", home, name);
	return load_file(profiles, in_home, is_config, error);
}

int32_t profiles_load(struct profiles **ret_profiles, struct weir_error *error)
{
	struct profiles *profiles = profiles_create();
	int32_t code;

	if (!profiles)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for profiles");
	code = load(profiles, "AWS_CONFIG_FILE", "config", 1, error);
	if (!code)
		code = load(profiles, "AWS_SHARED_CREDENTIALS_FILE", "credentials", 0, error);
	if (code) {
		profiles_free(profiles);
		return code;
	}
	*ret_profiles = profiles;
	return 0;
}
