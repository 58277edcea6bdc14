#include "core/reason.h"

#define PHASE_NAME_ROW(symbol, text) text,
const char *const PHASE_NAME[PHASE_N] = {PHASES(PHASE_NAME_ROW)};
#define REASON_NAME_ROW(symbol, name, text) name,
const char *const REASON_NAME[REASON_N] = {REASONS(REASON_NAME_ROW)};
#define REASON_TEXT_ROW(symbol, name, text) text,
const char *const REASON_TEXT[REASON_N] = {REASONS(REASON_TEXT_ROW)};
