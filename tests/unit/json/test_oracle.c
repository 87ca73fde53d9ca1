// SPDX-License-Identifier: MIT
/*
 * Random bytes and doubles, encoded here and read by Python's json module, which repairs UTF-8 by
 * the same rule in bytes.decode("utf-8", "replace"); see oracle.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "batch/json.h"
#include "batch/json_number.h"

#define CASES 4000

/* Bytes from several worlds: any, mostly ASCII, and pieces of UTF-8 in any order. */
static size_t random_bytes(uint8_t *bytes, size_t capacity)
{
	static const uint8_t pieces[] = {0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xED, 0xA0, 0x80, 0xF0,
					 0x9F, 0x98, 0xF4, 0x8F, 0xBF, 0x90, 0xC0, 0xFF, 'a'};
	size_t size = (size_t)rand() % capacity;
	int kind = rand() % 3;

	for (size_t i = 0; i < size; i++) {
		if (kind == 0)
			bytes[i] = (uint8_t)rand();
		else if (kind == 1 && rand() % 20)
			bytes[i] = (uint8_t)(0x20 + rand() % 0x5f);
		else
			bytes[i] = pieces[(size_t)rand() % sizeof(pieces)];
	}
	return size;
}

static void write_strings(FILE *file)
{
	uint8_t bytes[300];

	for (int round = 0; round < CASES; round++) {
		size_t size = random_bytes(bytes, sizeof(bytes));
		struct buffer out = {0};

		assert_int_equal(json_append_string(&out, (struct weir_slice){(char *)bytes, size}),
				 0);
		fputs("string ", file);
		for (size_t i = 0; i < size; i++)
			fprintf(file, "%02x", bytes[i]);
		fprintf(file, " %s\n", buffer_cstr(&out));
		buffer_done(&out);
	}
}

static void write_doubles(FILE *file)
{
	for (int round = 0; round < CASES; round++) {
		uint64_t bits = (uint64_t)rand() << 62 ^ (uint64_t)rand() << 31 ^ (uint64_t)rand();
		char text[NUMBER_DOUBLE_MAX + 1];
		double value;

		memcpy(&value, &bits, sizeof(value));
		*number_append_double(text, value) = '\0';
		fprintf(file, "double %016llx %s\n", (unsigned long long)bits, text);
	}
}

static void python_reads_back_what_was_encoded(void **state)
{
	char path[] = "/tmp/weir-json-oracle-XXXXXX", command[1024];
	FILE *file;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	srand(4);
	write_strings(file);
	write_doubles(file);
	assert_int_equal(fclose(file), 0);
	snprintf(command, sizeof(command), "python3 '%s/tests/unit/json/oracle.py' %s %d",
		 WEIR_SOURCE_DIR, path, 2 * CASES);
	assert_int_equal(system(command), 0);
	remove(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(python_reads_back_what_was_encoded)};

	return cmocka_run_group_tests_name("json_oracle", tests, NULL, NULL);
}
