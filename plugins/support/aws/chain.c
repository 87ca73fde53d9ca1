// SPDX-License-Identifier: MIT
/*
 * Source: "AWS SDKs and Tools Reference Guide", chapters on the shared files, on assume role, on
 * container and on instance credentials.
 */
#include "support/aws/chain.h"

#include <ctype.h>
#include <stdlib.h>

#include "support/aws/profile.h"

/* The address of the agent in each ECS task. */
#define ECS_BASE "http://169.254.170.2"

struct resolver {
	struct chain *chain;
	const struct profiles *profiles;
	struct weir_error *error;
};

/* ---- texts ---- */

static const char *keep(struct chain *chain, const char *text)
{
	char *copy = text && *text ? strdup(text) : NULL;

	if (!copy || chain->text_count == CHAIN_TEXTS_MAX) {
		free(copy);
		return NULL;
	}
	chain->texts[chain->text_count++] = copy;
	return copy;
}

static const char *environment(struct chain *chain, const char *name)
{
	return keep(chain, getenv(name));
}

static const char *profile_text(struct resolver *r, const char *profile, const char *key)
{
	return keep(r->chain, profiles_get(r->profiles, profile, key));
}

/* A slip in copying keys is found here, not by the service. */
static int32_t check_key(const char *text, const char *what, struct weir_error *error)
{
	for (const char *c = text; *c; c++)
		if (!isgraph((unsigned char)*c) || *c == '"' || *c == '\'')
			return weir_fail(
				error, WEIR_ERR_INVALID,
				"the %s has blanks, quotes or other signs in it that no such "
				"key has",
				what);
	return 0;
}

static int32_t set_keys(struct resolver *r, const char *access, const char *secret,
			const char *token, const char *origin)
{
	struct chain *chain = r->chain;
	int32_t code;

	if (!secret)
		return weir_fail(r->error, WEIR_ERR_INVALID,
				 "%s: there is an access key, but no secret key", origin);
	code = check_key(access, "access key", r->error);
	if (!code)
		code = check_key(secret, "secret key", r->error);
	if (!code && token)
		code = check_key(token, "session token", r->error);
	chain->kind = CHAIN_KEYS;
	chain->access_key = access;
	chain->secret_key = secret;
	chain->token = token;
	chain->origin = origin;
	return code;
}

/* ---- the environment ---- */

static int32_t from_environment(struct resolver *r)
{
	const char *access = environment(r->chain, "AWS_ACCESS_KEY_ID");

	if (!access)
		return WEIR_ERR_NOT_FOUND;
	return set_keys(r, access, environment(r->chain, "AWS_SECRET_ACCESS_KEY"),
			environment(r->chain, "AWS_SESSION_TOKEN"), "the environment");
}

static int32_t from_web_identity(struct resolver *r)
{
	struct chain *chain = r->chain;
	const char *file = environment(chain, "AWS_WEB_IDENTITY_TOKEN_FILE");
	const char *arn = environment(chain, "AWS_ROLE_ARN");

	if (!file || !arn)
		return WEIR_ERR_NOT_FOUND;
	chain->kind = CHAIN_WEB_IDENTITY;
	chain->token_file = file;
	chain->web.arn = arn;
	chain->web.session_name = environment(chain, "AWS_ROLE_SESSION_NAME");
	chain->origin = "the web identity in the environment";
	return 0;
}

/* Credentials must not go over the network in the clear. */
static int is_safe_url(const char *url)
{
	static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
					    "127.",          "localhost",      "[::1]"};

	if (strncmp(url, "https://", 8) == 0)
		return 1;
	if (strncmp(url, "http://", 7) != 0)
		return 0;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		size_t size = strlen(hosts[i]);

		if (strncmp(url + 7, hosts[i], size) == 0 &&
		    (hosts[i][size - 1] == '.' || strchr(":/", url[7 + size])))
			return 1;
	}
	return 0;
}

static int32_t from_container(struct resolver *r)
{
	struct chain *chain = r->chain;
	const char *relative = environment(chain, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = environment(chain, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	char url[2048];

	if (!relative && !full)
		return WEIR_ERR_NOT_FOUND;
	snprintf(url, sizeof(url), "%s%s", relative ? ECS_BASE : "", relative ? relative : full);
	if (!is_safe_url(url))
		return weir_fail(
			r->error, WEIR_ERR_INVALID,
			"AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or http to this "
			"host or to the container's agent");
	chain->kind = CHAIN_CONTAINER;
	chain->url = keep(chain, url);
	chain->token_file = environment(chain, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	chain->authorization = environment(chain, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
	chain->origin = "the container's endpoint";
	return chain->url ? 0 : WEIR_ERR_MEMORY;
}

static int32_t from_instance(struct resolver *r)
{
	const char *disabled = getenv("AWS_EC2_METADATA_DISABLED");

	if (disabled && strcasecmp(disabled, "true") == 0)
		return WEIR_ERR_NOT_FOUND;
	r->chain->kind = CHAIN_INSTANCE;
	r->chain->origin = "the instance's metadata";
	return 0;
}

/* ---- profiles ---- */

static int32_t from_profile(struct resolver *r, const char *name, uint32_t depth);

static int32_t from_credential_source(struct resolver *r, const char *source, const char *profile)
{
	int32_t code = WEIR_ERR_INVALID;

	if (strcmp(source, "Environment") == 0)
		code = from_environment(r);
	else if (strcmp(source, "EcsContainer") == 0)
		code = from_container(r);
	else if (strcmp(source, "Ec2InstanceMetadata") == 0)
		code = from_instance(r);
	if (code == WEIR_ERR_NOT_FOUND || (code == WEIR_ERR_INVALID && !*r->error->text))
		return weir_fail(r->error, WEIR_ERR_INVALID,
				 "profile %s: credential_source %s has no credentials", profile,
				 source);
	return code;
}

static int32_t add_role(struct resolver *r, const char *profile, const char *arn)
{
	const char *duration = profiles_get(r->profiles, profile, "duration_seconds");
	struct chain_role *role;

	if (r->chain->role_count == CHAIN_ROLES_MAX)
		return weir_fail(r->error, WEIR_ERR_INVALID, "profile %s: too many roles in a row",
				 profile);
	role = &r->chain->roles[r->chain->role_count++];
	role->arn = arn;
	role->external_id = profile_text(r, profile, "external_id");
	role->session_name = profile_text(r, profile, "role_session_name");
	role->duration_s = duration ? strtoll(duration, NULL, 10) : 0;
	return 0;
}

static int32_t profile_keys(struct resolver *r, const char *name)
{
	const char *access = profile_text(r, name, "aws_access_key_id");
	const char *command = profile_text(r, name, "credential_process");
	char origin[256];

	snprintf(origin, sizeof(origin), "profile %s", name);
	if (access)
		return set_keys(r, access, profile_text(r, name, "aws_secret_access_key"),
				profile_text(r, name, "aws_session_token"), keep(r->chain, origin));
	if (command) {
		r->chain->kind = CHAIN_PROCESS;
		r->chain->command = command;
		r->chain->origin = keep(r->chain, origin);
		return 0;
	}
	if (profiles_get(r->profiles, name, "sso_start_url") ||
	    profiles_get(r->profiles, name, "sso_session"))
		return weir_fail(
			r->error, WEIR_ERR_INVALID,
			"profile %s signs in by a browser (sso_*), which a service cannot; "
			"use keys, a role or credential_process",
			name);
	return WEIR_ERR_NOT_FOUND;
}

static int32_t profile_web_identity(struct resolver *r, const char *name, const char *arn,
				    const char *file)
{
	struct chain *chain = r->chain;
	char origin[256];

	snprintf(origin, sizeof(origin), "the web identity of profile %s", name);
	chain->kind = CHAIN_WEB_IDENTITY;
	chain->token_file = file;
	chain->web.arn = arn;
	chain->web.session_name = profile_text(r, name, "role_session_name");
	chain->origin = keep(chain, origin);
	return 0;
}

static int32_t profile_role(struct resolver *r, const char *name, const char *arn, uint32_t depth)
{
	const char *file = profile_text(r, name, "web_identity_token_file");
	const char *source = profile_text(r, name, "source_profile");
	const char *from = profile_text(r, name, "credential_source");
	int32_t code;

	if (profiles_get(r->profiles, name, "mfa_serial"))
		return weir_fail(
			r->error, WEIR_ERR_INVALID,
			"profile %s asks for a code of a device (mfa_serial), which a service "
			"cannot give",
			name);
	if (file)
		return profile_web_identity(r, name, arn, file);
	if (source && strcmp(source, name) == 0)
		code = profile_keys(r, name);
	else if (source)
		code = from_profile(r, source, depth + 1);
	else if (from)
		code = from_credential_source(r, from, name);
	else
		return weir_fail(r->error, WEIR_ERR_INVALID,
				 "profile %s has a role_arn, but neither source_profile, "
				 "credential_source nor web_identity_token_file",
				 name);
	if (code == WEIR_ERR_NOT_FOUND)
		return weir_fail(r->error, WEIR_ERR_INVALID,
				 "profile %s: its source_profile %s has no credentials", name,
				 source ? source : name);
	return code ? code : add_role(r, name, arn);
}

static int32_t from_profile(struct resolver *r, const char *name, uint32_t depth)
{
	const char *arn = profile_text(r, name, "role_arn");

	if (depth >= CHAIN_ROLES_MAX)
		return weir_fail(r->error, WEIR_ERR_INVALID,
				 "profile %s: source_profile leads round in a circle, or too far",
				 name);
	if (!profiles_has(r->profiles, name))
		return WEIR_ERR_NOT_FOUND;
	return arn ? profile_role(r, name, arn, depth) : profile_keys(r, name);
}

/* ---- the chain ---- */

static const char *profile_name(const struct chain_settings *settings, int *ret_named)
{
	const char *name = settings->profile;

	if (!name || !*name)
		name = getenv("AWS_PROFILE");
	if (!name || !*name)
		name = getenv("AWS_DEFAULT_PROFILE");
	*ret_named = name && *name;
	return *ret_named ? name : "default";
}

static int32_t from_files(struct resolver *r, const struct chain_settings *settings)
{
	int named;
	const char *name = profile_name(settings, &named);
	int32_t code;

	r->chain->region = profile_text(r, name, "region");
	code = from_profile(r, name, 0);
	if (code == WEIR_ERR_NOT_FOUND && named && !profiles_has(r->profiles, name))
		return weir_fail(r->error, WEIR_ERR_INVALID,
				 "there is no profile %s in the shared files", name);
	return code;
}

static int32_t first_found(struct resolver *r, const struct chain_settings *s)
{
	int has_profile = s->profile && *s->profile;
	int32_t code = WEIR_ERR_NOT_FOUND;

	if (s->access_key && *s->access_key)
		code = set_keys(r, keep(r->chain, s->access_key), keep(r->chain, s->secret_key),
				keep(r->chain, s->token), "the options");
	else if (!has_profile)
		code = from_environment(r);
	if (code != WEIR_ERR_NOT_FOUND) {
		int named;

		r->chain->region = profile_text(r, profile_name(s, &named), "region");
		return code;
	}
	code = from_files(r, s);
	if (code == WEIR_ERR_NOT_FOUND)
		code = from_web_identity(r);
	if (code == WEIR_ERR_NOT_FOUND)
		code = from_container(r);
	if (code == WEIR_ERR_NOT_FOUND)
		code = from_instance(r);
	if (code == WEIR_ERR_NOT_FOUND)
		return weir_fail(
			r->error, code,
			"no AWS credentials in the options, the environment, the shared files "
			"or a container, and the instance's metadata is switched off");
	return code;
}

static int32_t add_last_role(struct resolver *r, const struct chain_role *role)
{
	struct chain_role *last;

	if (!role->arn || !*role->arn)
		return 0;
	if (r->chain->role_count == CHAIN_ROLES_MAX)
		return weir_fail(r->error, WEIR_ERR_INVALID, "too many roles in a row");
	last = &r->chain->roles[r->chain->role_count++];
	last->arn = keep(r->chain, role->arn);
	last->external_id = keep(r->chain, role->external_id);
	last->session_name = keep(r->chain, role->session_name);
	last->duration_s = role->duration_s;
	return 0;
}

int32_t chain_resolve(const struct chain_settings *settings, struct chain *ret_chain,
		      struct weir_error *error)
{
	struct profiles *profiles = NULL;
	struct weir_error own = {0};
	struct resolver r = {ret_chain, NULL, error ? error : &own};
	int32_t code;

	memset(ret_chain, 0, sizeof(*ret_chain));
	code = profiles_load(&profiles, r.error);
	if (code)
		return code;
	r.profiles = profiles;
	code = first_found(&r, settings);
	if (!code)
		code = add_last_role(&r, &settings->role);
	profiles_free(profiles);
	if (code)
		chain_done(ret_chain);
	return code;
}

void chain_done(struct chain *chain)
{
	for (uint32_t i = 0; i < chain->text_count; i++) {
		explicit_bzero(chain->texts[i], strlen(chain->texts[i]));
		free(chain->texts[i]);
	}
	memset(chain, 0, sizeof(*chain));
}
