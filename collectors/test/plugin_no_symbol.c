// A shared object that brings no collector.
#include "tricolor/compiler.h"

TRI_EXPORT extern const int plugin_no_symbol;
const int plugin_no_symbol = 1;
