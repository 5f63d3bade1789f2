#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One line each: `LEVEL session=ID event key=value ...`.  The id is 0 where
 * there is no session.  Values that came from a peer go through log_quote().
 *
 *   error  an operator must act        warn  something we expected failed
 *   info   one life event of a session debug one step inside one
 */
enum log_level { LOG_ERROR_, LOG_WARN_, LOG_INFO_, LOG_DEBUG_ };

void log_error(uint64_t id, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void log_warn(uint64_t id, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void log_info(uint64_t id, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
#define log_debug(id, ...) \
	(log_wants(LOG_DEBUG_) ? log_debug_(id, __VA_ARGS__) : (void)0)
void log_debug_(uint64_t id, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

bool log_wants(enum log_level level);
const char *log_level_word(enum log_level level);

/* Returns s with control bytes, quotes and backslashes escaped; static ring. */
const char *log_quote(const char *s);

/* What is wanted (default info), and who the lines say they are from. */
void log_setup(enum log_level most, const char *name);
const char *log_who(void);

/*
 * Where lines go; NULL: standard error.  text is the line without a newline
 * and without level.
 */
typedef void log_sink(enum log_level level, uint64_t id, const char *text);
void log_to(log_sink *to);

/* The default sink: one write(2) to descriptor 2. */
void log_stderr(enum log_level level, uint64_t id, const char *text);

#endif
