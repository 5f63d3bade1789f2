#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/*
 * banned: functions that are never right here.  Every .c file of ours is
 * compiled with this header in front (see Makefile.in), after libc's own.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef sprintf /* clang: _FORTIFY_SOURCE makes it a macro */

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets
#pragma GCC poison strtok atoi atol atoll tmpnam mktemp tempnam
#pragma GCC poison gmtime localtime ctime asctime

#endif
