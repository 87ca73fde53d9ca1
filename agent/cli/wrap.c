// SPDX-License-Identifier: MIT
#include "cli/wrap.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS 79
/* Of lines that go on: "usage: weir " and a bit. */
#define HANG 9

struct wrap {
	int column; /* of the next word; 0 = a new line */
	int hang;
};

static void put_word(struct wrap *wrap, const char *word, int size)
{
	if (wrap->column && wrap->column + 1 + size > COLUMNS) {
		printf("\n%*s", wrap->hang, "");
		wrap->column = wrap->hang;
	} else if (wrap->column) {
		putchar(' ');
		wrap->column++;
	}
	printf("%.*s", size, word);
	wrap->column += size;
}

static void end_line(struct wrap *wrap)
{
	if (wrap->column)
		putchar('\n');
	*wrap = (struct wrap){0};
}

/* As it is where it fits, else word by word. */
static void put_own_line(struct wrap *wrap, const char *line, int size)
{
	int indent = (int)strspn(line, " ");

	end_line(wrap);
	if (size <= COLUMNS) {
		printf("%.*s\n", size, line);
		return;
	}
	printf("%*s", indent, "");
	wrap->hang = indent + HANG;
	for (int at = indent; at < size;) {
		int length = (int)strcspn(line + at, " \n");

		if (at == indent) {
			printf("%.*s", length, line + at);
			wrap->column = indent + length;
		} else if (length) {
			put_word(wrap, line + at, length);
		}
		at += length + 1;
	}
	end_line(wrap);
}

static void put_words(struct wrap *wrap, const char *line, int size)
{
	for (int at = 0; at < size;) {
		int length = (int)strcspn(line + at, " \n");

		if (length)
			put_word(wrap, line + at, length);
		at += length + 1;
	}
}

void wrap_print_at(const char *text, int column)
{
	int first = (int)strcspn(text, " \n");
	struct wrap wrap = {column + first, column};

	printf("%.*s", first, text);
	put_words(&wrap, text + first, (int)strlen(text + first));
	putchar('\n');
}

void wrap_print(const char *text)
{
	struct wrap wrap = {0};
	int own = 0;

	while (*text) {
		int size = (int)strcspn(text, "\n");

		if (strncmp(text, "usage:", 6) == 0)
			own = 1;
		if (size == 0) {
			end_line(&wrap);
			putchar('\n');
			own = 0;
		} else if (own || *text == ' ') {
			put_own_line(&wrap, text, size);
		} else {
			put_words(&wrap, text, size);
		}
		text += size + (text[size] == '\n');
	}
	end_line(&wrap);
}
