// SPDX-License-Identifier: MIT
#include "support/aws/answer.h"

#include "support/aws/date.h"
#include "support/aws/document.h"
#include "support/aws/error.h"

struct reader {
	struct aws_secret_keys *keys;
	struct text expiration, code, message;
	struct text *next;
};

static struct text *member(struct reader *r, struct weir_slice key)
{
	const struct {
		const char *name;
		struct text *text;
	} members[] = {{"AccessKeyId", &r->keys->access_key},
		       {"SecretAccessKey", &r->keys->secret_key},
		       {"SessionToken", &r->keys->token},
		       {"Token", &r->keys->token},
		       {"Expiration", &r->expiration},
		       {"Code", &r->code},
		       {"Message", &r->message}};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (weir_slice_equals(key, members[i].name))
			return members[i].text;
	return NULL;
}

static void visit(void *user, const struct document_event *event)
{
	struct reader *r = user;

	if (event->depth != 1)
		return;
	if (event->kind == DOCUMENT_KEY) {
		r->next = member(r, event->text);
	} else if (event->kind == DOCUMENT_TEXT && r->next) {
		r->next->size = 0;
		text_add_slice(r->next, event->text);
	}
}

static int32_t check(struct reader *r, const char *what, struct weir_error *error)
{
	struct aws_secret_keys *keys = r->keys;

	if (r->code.size && !weir_slice_equals(text_slice(&r->code), "Success"))
		return weir_fail(error, WEIR_ERR_REFUSED, "%s: %s %s", what, r->code.data,
				 r->message.size ? r->message.data : "");
	if (keys->access_key.size == 0 || keys->secret_key.size == 0)
		return weir_fail(error, WEIR_ERR_INVALID, "%s gave an answer without credentials",
				 what);
	if (r->expiration.size) {
		keys->expires_s = date_read_iso(text_slice(&r->expiration));
		if (keys->expires_s < 0)
			return weir_fail(error, WEIR_ERR_INVALID,
					 "%s gave credentials with an Expiration that is no date",
					 what);
	}
	return keys->access_key.failed || keys->secret_key.failed || keys->token.failed
		       ? weir_fail(error, WEIR_ERR_MEMORY, "no memory for credentials")
		       : 0;
}

static int32_t finish(struct reader *r, const char *what, struct weir_error *error)
{
	int32_t code = check(r, what, error);

	text_done(&r->expiration);
	text_done(&r->code);
	text_done(&r->message);
	if (code)
		aws_secret_keys_done(r->keys);
	return code;
}

int32_t answer_read_json(struct weir_slice json, const char *what, struct aws_secret_keys *ret_keys,
			 struct weir_error *error)
{
	struct reader r = {.keys = ret_keys};

	memset(ret_keys, 0, sizeof(*ret_keys));
	if (document_walk_json(json, visit, &r)) {
		finish(&r, what, NULL);
		aws_secret_keys_done(ret_keys);
		return weir_fail(error, WEIR_ERR_INVALID, "%s gave an answer that is not JSON",
				 what);
	}
	return finish(&r, what, error);
}

int32_t answer_read_xml(struct weir_slice xml, const char *what, struct aws_secret_keys *ret_keys,
			struct weir_error *error)
{
	struct reader r = {.keys = ret_keys};

	memset(ret_keys, 0, sizeof(*ret_keys));
	text_add_slice(&ret_keys->access_key, aws_answer_element(xml, "AccessKeyId"));
	text_add_slice(&ret_keys->secret_key, aws_answer_element(xml, "SecretAccessKey"));
	text_add_slice(&ret_keys->token, aws_answer_element(xml, "SessionToken"));
	text_add_slice(&r.expiration, aws_answer_element(xml, "Expiration"));
	return finish(&r, what, error);
}

void aws_secret_keys_done(struct aws_secret_keys *keys)
{
	text_done(&keys->access_key);
	text_done(&keys->secret_key);
	text_done(&keys->token);
	keys->expires_s = 0;
}
