// SPDX-License-Identifier: MIT
/* Widths count characters of UTF-8, not bytes; no character is taken to be wider than one column. */
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/printable.h"

#define WIDTH_ELSEWHERE 100
#define WIDTH_MIN 40

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

void terminal_text_to(FILE *to, struct weir_slice text)
{
	for (uint64_t i = 0; i < text.size;) {
		size_t length = printable_length(text.data + i, text.size - i);

		if (length)
			fwrite(text.data + i, 1, length, to);
		else
			putc('?', to);
		i += length ? length : 1;
	}
}

void terminal_text(struct weir_slice text)
{
	terminal_text_to(stdout, text);
}

void terminal_format_time(int64_t ns, char ret_text[TERMINAL_TIME_SIZE])
{
	time_t seconds = (time_t)(ns / NS_PER_SECOND);
	struct tm parts;

	localtime_r(&seconds, &parts);
	strftime(ret_text, TERMINAL_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &parts);
}

unsigned terminal_characters(const char *text, size_t size)
{
	unsigned count = 0;

	for (size_t i = 0; i < size; i++)
		count += ((unsigned char)text[i] & 0xC0) != 0x80;
	return count;
}

void terminal_fold_from(unsigned column, unsigned indent, const char *text)
{
	unsigned width = terminal_width();
	int first = 1; /* of its line: no space goes before it */

	while (*text) {
		size_t size = strcspn(text, " ");
		unsigned word = terminal_characters(text, size);

		if (column > indent && column + !first + word > width) {
			putchar('\n');
			column = 0;
			first = 1;
		}
		if (column == 0)
			column = (unsigned)printf("%*s", (int)indent, "");
		else if (!first)
			column += (unsigned)printf(" ");
		fwrite(text, 1, size, stdout);
		column += word;
		first = 0;
		text += size + (text[size] == ' ');
	}
	putchar('\n');
}

void terminal_fold(unsigned indent, const char *text)
{
	terminal_fold_from(0, indent, text);
}
