// SPDX-License-Identifier: MIT
/* Help in lines of at most 79 columns. */
#ifndef CLI_WRAP_H
#define CLI_WRAP_H

/*
 * Prints text whose lines may be of any length: those of a paragraph are filled anew, but for a paragraph that
 * begins with "usage:", and lines that begin with a space, which stay lines of their own. A longer one of
 * these goes on under its second word.
 */
void wrap_print(const char *text);
/* Fills lines from a column on, where the cursor is; ends with a newline. */
void wrap_print_at(const char *text, int column);

#endif
