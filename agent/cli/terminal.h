// SPDX-License-Identifier: MIT
/* What stdout is: its width, whether it takes colours, and text folded to fit. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdint.h>
#include <stdio.h>
#include <weir/abi.h>

#define TERMINAL_BOLD "\033[1m"
#define TERMINAL_DIM "\033[2m"
#define TERMINAL_RED "\033[31m"
#define TERMINAL_YELLOW "\033[33m"
#define TERMINAL_PLAIN "\033[0m"

/* "2026-11-24 10:00:00", with room. */
#define TERMINAL_TIME_SIZE 32

/* Columns of the terminal; where stdout is none, those of COLUMNS or a width that suits logs. */
unsigned terminal_width(void);
/* The escape sequence on a terminal without NO_COLOR, else "". */
const char *terminal_style(const char *sequence);
/* Prints text of others: a ? for each byte of what would act on the terminal. The first to stdout. */
void terminal_text(struct weir_slice text);
void terminal_text_to(FILE *to, struct weir_slice text);
/* How many characters so many bytes are. */
unsigned terminal_characters(const char *text, size_t size);
/* A time of the wall clock as people of this place read it. */
void terminal_format_time(int64_t ns, char ret_text[TERMINAL_TIME_SIZE]);
/* Prints words folded to the width, each line indented; the cursor is at the start of a line. */
void terminal_fold(unsigned indent, const char *text);
/* The same with the cursor at `column`, counted from 0, on the first line. */
void terminal_fold_from(unsigned column, unsigned indent, const char *text);

#endif
