// SPDX-License-Identifier: MIT
/* What stdout is: its width, whether it takes colours, and text folded to fit. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdio.h>
#include <weir/abi.h>

#define TERMINAL_BOLD "\033[1m"
#define TERMINAL_DIM "\033[2m"
#define TERMINAL_RED "\033[31m"
#define TERMINAL_YELLOW "\033[33m"
#define TERMINAL_PLAIN "\033[0m"

/* Columns of the terminal; where stdout is none, those of COLUMNS or a width that suits logs. */
unsigned terminal_width(void);
/* The escape sequence on a terminal without NO_COLOR, else "". */
const char *terminal_style(const char *sequence);
/* Prints text of others: a ? for each byte of what would act on the terminal. */
void terminal_text(struct weir_slice text);
/* Prints words folded to the width, each line indented; the cursor is at the start of a line. */
void terminal_fold(unsigned indent, const char *text);
/* The same with the cursor at `column`, counted from 0, on the first line. */
void terminal_fold_from(unsigned column, unsigned indent, const char *text);

#endif
