// A collector that was built for another version of the contract.
#include "tricolor/tricolor.h"

static const struct tri_collector record = {.abi = TRI_ABI + 1, .size = sizeof record, .name = "other"};
TRI_EXPORT extern const struct tri_collector *const tri_collector_plugin;
const struct tri_collector *const tri_collector_plugin = &record;
