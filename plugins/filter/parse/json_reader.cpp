// SPDX-License-Identifier: MIT
#include "json_reader.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <simdjson.h>
#include <utility>

#include "json_text.h"

extern "C" {
#include "number.h"
}

namespace od = simdjson::ondemand;

/* The first line must not make the parser grow by single bytes. */
static constexpr size_t capacity_min = 4096;
static constexpr uint32_t members_min = 64;

/* A likely key as it stands in a line, with its closing quote: compared by two words at once. */
struct prepared_key {
	uint64_t words[2];
	uint64_t masks[2]; /* 0: does not fit */
	uint32_t size;
};

struct json_reader {
	od::parser parser;
	struct json_member *members;
	uint32_t capacity;
	struct prepared_key *prepared;
	uint32_t prepared_count;
	uint32_t prepared_capacity;
	const struct weir_key *const *hinted; /* keys of the last hint */
};

struct json_reader *json_reader_create(void)
{
	auto *reader = new (std::nothrow) json_reader;

	if (!reader)
		return nullptr;
	reader->capacity = members_min;
	reader->prepared = nullptr;
	reader->prepared_count = reader->prepared_capacity = 0;
	reader->hinted = nullptr;
	reader->members = static_cast<json_member *>(calloc(members_min, sizeof(json_member)));
	if (reader->members && !reader->parser.allocate(capacity_min))
		return reader;
	json_reader_destroy(reader);
	return nullptr;
}

void json_reader_destroy(struct json_reader *reader)
{
	if (!reader)
		return;
	free(reader->members);
	free(reader->prepared);
	delete reader;
}

static std::string_view trimmed(std::string_view token)
{
	while (!token.empty() && (token.back() == ' ' || token.back() == '\t' ||
				  token.back() == '\n' || token.back() == '\r'))
		token.remove_suffix(1);
	return token;
}

/* Tag of a scalar's token; WEIR_ABSENT when it is none. Escapes are not looked at. */
static inline uint8_t scalar_tag(std::string_view token)
{
	uint8_t tag;

	switch (token.empty() ? '\0' : token.front()) {
	case '"':
		return token.size() > 1 && token.back() == '"' ? WEIR_STRING : WEIR_ABSENT;
	case 't':
		return token == "true" ? WEIR_BOOL : WEIR_ABSENT;
	case 'f':
		return token == "false" ? WEIR_BOOL : WEIR_ABSENT;
	case 'n':
		return token == "null" ? WEIR_NULL : WEIR_ABSENT;
	default:
		tag = number_tag(token.data(), static_cast<uint32_t>(token.size()));
		return tag == WEIR_STRING ? WEIR_ABSENT : tag;
	}
}

/* The token of a scalar, without white space. A string is consumed as one: left to be skipped, one
 * with a colon after it would be taken for a key, and what follows would go unchecked. */
static inline std::string_view take_token(od::value &value)
{
	std::string_view token = trimmed(value.raw_json_token());

	if (!token.empty() && token.front() == '"' && value.get_raw_json_string().error())
		return {};
	return token;
}

/* What a result without an error holds, in place: a copy costs more than what is done with it. */
template <typename held> static inline held &taken(simdjson::simdjson_result<held> &result)
{
	held &&inside = std::move(result).value_unsafe();

	return inside;
}

/* On demand means that what is not asked for is not checked: so every nested value is asked for.
 * The parser's own bound on depth (1,024) bounds the recursion. */
static bool nested_valid(od::value &value);

static bool list_valid(od::array list)
{
	for (auto item : list) {
		od::value value;

		if (item.get(value) || !nested_valid(value))
			return false;
	}
	return true;
}

static bool map_valid(od::object &map)
{
	for (auto item : map)
		if (item.error() || !nested_valid(taken(item).value()))
			return false;
	return true;
}

static bool nested_valid(od::value &value)
{
	od::json_type type;
	od::array list;
	od::object map;

	if (value.type().get(type))
		return false;
	if (type == od::json_type::array)
		return !value.get_array().get(list) && list_valid(list);
	if (type == od::json_type::object)
		return !value.get_object().get(map) && map_valid(map);
	return scalar_tag(take_token(value)) != WEIR_ABSENT;
}

/* Where the document's iterator is: after a value, at what follows it. */
static const char *location(od::document &document)
{
	const char *at;

	return document.current_location().get(at) ? nullptr : at;
}

/* Goes through a map or list from its bracket to the token after it, which an object always has. */
static bool take_nested(od::document &document, od::value &value, bool has_escapes,
			struct json_member *member)
{
	const char *from = value.raw_json_token().data(), *to;

	if (!nested_valid(value))
		return false;
	to = location(document);
	if (!to)
		return false;
	const std::string_view text = trimmed({from, static_cast<size_t>(to - from)});

	member->text = text.data();
	member->size = static_cast<uint32_t>(text.size());
	return !has_escapes || json_escapes_valid(member->text, member->size);
}

static inline bool take_scalar(od::value &value, struct json_member *member, bool has_escapes)
{
	std::string_view token = take_token(value);

	member->tag = scalar_tag(token);
	if (member->tag == WEIR_ABSENT)
		return false;
	member->truth = token.front() == 't';
	member->escaped = 0;
	if (member->tag == WEIR_STRING) {
		token.remove_prefix(1);
		token.remove_suffix(1);
		member->escaped = has_escapes && memchr(token.data(), '\\', token.size());
	}
	member->text = token.data();
	member->size = static_cast<uint32_t>(token.size());
	return !member->escaped || json_escapes_valid(member->text, member->size);
}

static inline bool take_value(od::document &document, od::value &value, bool has_escapes,
			      struct json_member *member)
{
	od::json_type type;

	if (value.type().get(type))
		return false;
	if (type != od::json_type::array && type != od::json_type::object)
		return take_scalar(value, member, has_escapes);
	member->tag = type == od::json_type::array ? WEIR_LIST : WEIR_MAP;
	return take_nested(document, value, has_escapes, member);
}

/* key.data points after the opening quote; finds the closing one, which the parser has seen. */
static bool take_key(const char *from, const char *end, struct json_member *member)
{
	const char *at = from;

	member->key_escaped = 0;
	for (; at < end && *at != '"'; at++)
		if (*at == '\\') {
			member->key_escaped = 1;
			at++;
		}
	if (at >= end)
		return false;
	member->key.data = from;
	member->key.size = static_cast<uint64_t>(at - from);
	return !member->key_escaped ||
	       json_escapes_valid(from, static_cast<uint32_t>(member->key.size));
}

static inline uint64_t load8(const char *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	return word;
}

/* The name and the quote after it, as far as they fit in two words. */
static void prepare_key(struct weir_slice name, struct prepared_key *ret_key)
{
	char text[sizeof(ret_key->words)] = {0}, mask[sizeof(text)] = {0};

	*ret_key = {};
	if (name.size >= sizeof(text) || memchr(name.data, '\\', name.size))
		return;
	memcpy(text, name.data, name.size);
	text[name.size] = '"';
	memset(mask, 0xff, name.size + 1);
	memcpy(ret_key->words, text, sizeof(text));
	memcpy(ret_key->masks, mask, sizeof(mask));
	ret_key->size = static_cast<uint32_t>(name.size);
}

/* Makes the reader's prepared keys those of the hint, once it comes twice in a row: lines of many
 * kinds are not worth it. Without memory there are none. */
static void prepare_hint(struct json_reader *reader, const struct json_hint *hint)
{
	const bool repeated = hint->lasting && reader->hinted == hint->keys;

	if (repeated && reader->prepared_count >= hint->count)
		return;
	reader->hinted = hint->keys;
	reader->prepared_count = 0;
	if (!repeated)
		return;
	if (hint->count > reader->prepared_capacity) {
		auto *grown = static_cast<prepared_key *>(
			realloc(reader->prepared, hint->count * sizeof(prepared_key)));

		if (!grown)
			return;
		reader->prepared = grown;
		reader->prepared_capacity = hint->count;
	}
	for (uint32_t i = 0; i < hint->count; i++)
		prepare_key(hint->keys[i]->name, &reader->prepared[i]);
	reader->prepared_count = hint->count;
}

/* True when the key is the hinted one. Reads up to 16 bytes, which padding allows. A key that is
 * too long to be prepared, or has escapes, is never found here. */
static inline bool is_hinted(const struct json_reader *reader, const char *from, uint32_t index,
			     struct json_member *member)
{
	if (index >= reader->prepared_count)
		return false;
	const struct prepared_key *key = &reader->prepared[index];

	if ((((load8(from) ^ key->words[0]) & key->masks[0]) |
	     ((load8(from + 8) ^ key->words[1]) & key->masks[1])) != 0 ||
	    key->masks[0] == 0)
		return false;
	member->key.data = from;
	member->key.size = key->size;
	member->key_escaped = 0;
	return true;
}

/* A hinted key that was found the slow way: too long to be prepared. */
static bool is_same(const struct json_hint *hint, uint32_t index, const struct json_member *member)
{
	if (index >= hint->count || member->key_escaped)
		return false;
	const struct weir_slice name = hint->keys[index]->name;

	return name.size == member->key.size && memcmp(name.data, member->key.data, name.size) == 0;
}

static bool members_grow(struct json_reader *reader, uint32_t count)
{
	if (count < reader->capacity)
		return true;
	auto *grown = static_cast<json_member *>(
		realloc(reader->members, 2 * size_t(reader->capacity) * sizeof(json_member)));

	if (!grown)
		return false;
	reader->members = grown;
	reader->capacity *= 2;
	return true;
}

static const char *read_members(struct json_reader *reader, od::document &document,
				od::object object, const char *end, struct json_hint *hint,
				bool has_escapes, uint32_t *ret_count)
{
	uint32_t count = 0;

	for (auto item : object) {
		if (item.error())
			return "not valid JSON";
		if (!members_grow(reader, count))
			return "no memory for the fields";
		od::field &field = taken(item);
		struct json_member *member = &reader->members[count];
		const char *key = field.key().raw();

		const bool hinted = is_hinted(reader, key, count, member);

		if (!hinted && !take_key(key, end, member))
			return "not valid JSON";
		if (hinted || is_same(hint, count, member))
			hint->matched += hint->matched == count;
		if (!take_value(document, field.value(), has_escapes, member))
			return "not valid JSON";
		count++;
	}
	*ret_count = count;
	return nullptr;
}

static const char *why_not(simdjson::error_code code)
{
	switch (code) {
	case simdjson::UTF8_ERROR:
		return "not valid UTF-8";
	case simdjson::EMPTY:
		return "empty line";
	case simdjson::INCORRECT_TYPE:
		return "not a JSON object";
	case simdjson::MEMALLOC:
		return "no memory for the line";
	default:
		return "not valid JSON";
	}
}

const char *json_reader_object(struct json_reader *reader, const char *text, uint32_t size,
			       struct json_hint *hint, const struct json_member **ret_members,
			       uint32_t *ret_count)
{
	od::document document;
	od::object object;
	const char *wrong;
	bool has_escapes = size && memchr(text, '\\', size);

	hint->matched = 0;
	prepare_hint(reader, hint);
	if (reader->parser.capacity() < size && reader->parser.allocate(2 * size_t(size)))
		return "no memory for the line";
	auto error =
		reader->parser.iterate(text, size, size_t(size) + WEIR_BLOCK_PADDING).get(document);
	if (!error)
		error = document.get_object().get(object);
	if (error)
		return why_not(error);
	wrong = read_members(reader, document, object, text + size, hint, has_escapes, ret_count);
	if (!wrong && document.current_location().error() != simdjson::OUT_OF_BOUNDS)
		wrong = "text after the JSON object";
	*ret_members = reader->members;
	return wrong;
}
