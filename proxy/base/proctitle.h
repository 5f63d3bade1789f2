#ifndef BASE_PROCTITLE_H
#define BASE_PROCTITLE_H

/*
 * proctitle: what ps shows.  proctitle_init() is called once, first thing in
 * main(); it moves the environment away to gain room.
 */
void proctitle_init(int argc, char **argv);
void proctitle_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
