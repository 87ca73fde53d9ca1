// SPDX-License-Identifier: MIT
/* Widths count characters of UTF-8, not bytes; no character is taken to be wider than one column. */
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_ELSEWHERE 100
#define WIDTH_MIN 40
#define FOLD_MIN 24 /* narrower columns of text are hard to read */
#define FOLD_INDENT 8

unsigned terminal_width(void)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	long width = 0;

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width == 0 && columns)
		width = strtol(columns, NULL, 10);
	if (width <= 0 || width > 1000)
		width = WIDTH_ELSEWHERE;
	return width < WIDTH_MIN ? WIDTH_MIN : (unsigned)width;
}

const char *terminal_style(const char *sequence)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (!no_color || !no_color[0]) ? sequence : "";
}

static unsigned characters(const char *text, size_t size)
{
	unsigned count = 0;

	for (size_t i = 0; i < size; i++)
		count += ((unsigned char)text[i] & 0xC0) != 0x80;
	return count;
}

/* `column` is where the cursor is; 0 at the start of a line. */
static void fold(unsigned column, unsigned indent, const char *text)
{
	unsigned width = terminal_width();

	while (*text) {
		size_t size = strcspn(text, " ");
		unsigned word = characters(text, size);

		if (column > indent && column + 1 + word > width) {
			putchar('\n');
			column = 0;
		}
		if (column == 0)
			column = (unsigned)printf("%*s", (int)indent, "");
		else if (column > indent)
			column += (unsigned)printf(" ");
		fwrite(text, 1, size, stdout);
		column += word;
		text += size + (text[size] == ' ');
	}
	putchar('\n');
}

void terminal_fold(unsigned indent, const char *text)
{
	fold(0, indent, text);
}

/* Too far to the right to fold: the text begins a line of its own. */
void terminal_fold_from(unsigned indent, const char *text)
{
	if (indent + FOLD_MIN > terminal_width()) {
		putchar('\n');
		fold(0, FOLD_INDENT, text);
	} else {
		fold(indent, indent, text);
	}
}
