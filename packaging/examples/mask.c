// SPDX-License-Identifier: MIT
/*
 * The filter mask: hides personal data.
 *
 *     cc -O2 -shared -fPIC $(pkg-config --cflags weir libcrypto) -o filter-mask.so mask.c -lcrypto
 *
 *     filters:
 *       - parse: combined
 *       - mask: { fields: [clientip, auth], key: "${file:/etc/weir/mask.key}" }
 *       - mask: { fields: [card], method: hide, keep: 4 }
 *
 * hash puts the first 16 bytes of HMAC-SHA-256 in place of the text, in hex: who does not know the key
 * cannot try all addresses, and one person's records can still be counted together. hide puts * in
 * place of letters and digits. Both make text of what was a number.
 *
 * The original line holds the same data, so it is forgotten: outputs of lines, and dead letters, get
 * an empty one. `line: keep` leaves it.
 */
#include <ctype.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <weir/plugin.h>

#define HASH_BYTES 16u /* of the 32: enough that two texts never meet */
#define HASH_TEXT (2u * HASH_BYTES)
#define NUMBER_TEXT 32u /* the longest number as text */

struct mask {
	const struct weir_services *host;
	const struct weir_node *fields;
	struct weir_slice key;
	int hash;
	int keep_line;
	uint64_t keep;
};

static int32_t mask_create(const struct weir_services *host, struct weir_context *context,
			   const struct weir_node *options, void **ret_instance,
			   struct weir_error *error)
{
	const struct weir_node *key = weir_node_find(options, "key");
	struct mask *mask = calloc(1, sizeof(*mask));

	(void)context;
	if (!mask)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the filter");
	mask->host = host;
	mask->fields = weir_node_find(options, "fields");
	mask->hash = strcmp(weir_node_text(options, "method"), "hash") == 0;
	mask->keep_line = strcmp(weir_node_text(options, "line"), "keep") == 0;
	mask->keep = (uint64_t)weir_node_int(options, "keep", 0);
	if (key)
		mask->key = key->text;
	if (mask->hash && mask->key.size == 0) {
		free(mask);
		return weir_fail(error, WEIR_ERR_INVALID,
				 "the method hash needs a key: without one, all addresses can be "
				 "tried");
	}
	*ret_instance = mask;
	return WEIR_OK;
}

/* The text of a value that has any, printed into `number` where it is one. */
static struct weir_slice text_of(const struct weir_batch *batch, const struct weir_value *value,
				 char number[NUMBER_TEXT])
{
	int size;

	if (weir_value_has_text(value))
		return weir_value_slice(batch, value);
	if (value->tag == WEIR_DOUBLE)
		size = snprintf(number, NUMBER_TEXT, "%.17g", value->as.f64);
	else if (value->tag == WEIR_INT || value->tag == WEIR_TIMESTAMP)
		size = snprintf(number, NUMBER_TEXT, "%" PRId64, value->as.i64);
	else
		size = 0;
	return (struct weir_slice){number, (uint64_t)size};
}

/* Bytes that the value takes in its new form. */
static uint32_t room_for(const struct mask *mask, const struct weir_value *value)
{
	uint32_t size = weir_value_has_text(value) ? value->length : NUMBER_TEXT;

	return mask->hash ? HASH_TEXT : size;
}

static int hash(const struct mask *mask, struct weir_slice text, char *ret_hex)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[EVP_MAX_MD_SIZE];

	if (!HMAC(EVP_sha256(), mask->key.data, (int)mask->key.size,
		  (const unsigned char *)text.data, text.size, sum, NULL))
		return WEIR_ERR_INTERNAL;
	for (uint32_t i = 0; i < HASH_BYTES; i++) {
		ret_hex[2 * i] = digits[sum[i] >> 4];
		ret_hex[2 * i + 1] = digits[sum[i] & 15];
	}
	return 0;
}

/* A letter or digit, or the first byte of a letter of several. */
static int is_letter(unsigned char byte)
{
	return isalnum(byte) || byte >= 0xc0;
}

/* Puts one * for each letter and digit but the last `keep`. Returns the new size, which is no larger. */
static uint32_t hide(char *text, uint32_t size, uint64_t keep)
{
	uint32_t letters = 0, written = 0;
	int hiding = 0; /* the letter that the bytes belong to */

	for (uint32_t i = 0; i < size; i++)
		letters += (uint32_t)is_letter((unsigned char)text[i]);
	for (uint32_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (is_letter(byte)) {
			hiding = letters-- > keep;
			text[written++] = hiding ? '*' : text[i];
		} else if (byte < 0x80) {
			hiding = 0;
			text[written++] = text[i];
		} else if (!hiding) {
			text[written++] = text[i];
		}
	}
	return written;
}

static int replace(const struct mask *mask, struct weir_batch *batch, struct weir_value *value)
{
	char number[NUMBER_TEXT];
	struct weir_slice old = text_of(batch, value, number);
	struct weir_value masked;
	char *text = weir_batch_text(batch, room_for(mask, value), &masked);

	if (!text)
		return WEIR_ERR_MEMORY;
	if (mask->hash) {
		if (hash(mask, old, text))
			return WEIR_ERR_INTERNAL;
	} else {
		memcpy(text, old.data, old.size);
		masked.length = hide(text, (uint32_t)old.size, mask->keep);
	}
	*value = masked;
	return 0;
}

/* True for what has something to hide. */
static int is_data(const struct weir_value *value)
{
	return value && value->tag != WEIR_ABSENT && value->tag != WEIR_NULL &&
	       value->tag != WEIR_BOOL;
}

static uint64_t room_for_batch(const struct mask *mask, const struct weir_batch *batch)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < batch->record_count; i++)
		for (uint32_t field = 0; field < mask->fields->count; field++) {
			const struct weir_value *value = weir_record_find(
				batch, &batch->records[i], mask->fields->items[field]->text);

			bytes += is_data(value) ? room_for(mask, value) : 0;
		}
	return bytes;
}

/* Records that leave for the dead letter are masked too: their fields may be shown there. */
static int32_t mask_process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	const struct mask *mask = instance;
	uint64_t bytes = room_for_batch(mask, batch);

	if (bytes > UINT32_MAX || mask->host->batch_reserve(batch, 0, 0, (uint32_t)bytes) != 0)
		return weir_fail(error, WEIR_ERR_MEMORY, "no room for masked fields");
	for (uint32_t i = 0; i < batch->record_count; i++) {
		for (uint32_t field = 0; field < mask->fields->count; field++) {
			struct weir_value *value = weir_record_find(
				batch, &batch->records[i], mask->fields->items[field]->text);

			if (is_data(value) && replace(mask, batch, value))
				return weir_fail(error, WEIR_ERR_INTERNAL,
						 "a field could not be masked");
		}
		if (!mask->keep_line)
			batch->records[i].line_length = 0;
	}
	return WEIR_OK;
}

static const struct weir_option options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_LIST,
	 .element = WEIR_TYPE_STRING,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "fields",
	 .doc = "Fields with personal data"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "method",
	 .default_text = "hash",
	 .values = "hash|hide",
	 .doc = "hash: a keyed hash in hex; hide: * for letters and digits"},
	WEIR_OPTION("key", WEIR_TYPE_SECRET, NULL, "Key of the hash"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_INT,
	 .name = "keep",
	 .default_text = "0",
	 .doc = "With hide: letters and digits at the end that stay readable",
	 .min = 0,
	 .max = 1024},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "line",
	 .default_text = "forget",
	 .values = "forget|keep",
	 .doc = "What becomes of the original line, which holds the same data"},
	WEIR_OPTION_END,
};

static const struct weir_filter_ops operations = {
	.struct_size = sizeof(operations),
	.create = mask_create,
	.destroy = free,
	.process = mask_process,
};

static const struct weir_plugin plugin = {
	.struct_size = sizeof(plugin),
	.kind = WEIR_FILTER,
	.name = "mask",
	.version = "1.0",
	.summary = "Hashes or hides fields with personal data",
	.options = options,
	.filter = &operations,
	.short_option = "fields",
};

static const struct weir_plugin *const all[] = {&plugin};
WEIR_PLUGINS(all);
