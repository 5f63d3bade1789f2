/*
 * engines: the array of all there are.  A new engine is one line here.
 */
#include "scan/engine.h"

extern const struct engine engine_clamav;

const struct engine *const engines[] = {
    &engine_clamav,
    NULL,
};
