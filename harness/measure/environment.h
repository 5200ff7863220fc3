// The machine, the build and the process that a series was measured with. What is not known is left out.
#ifndef TRICOLOR_MEASURE_ENVIRONMENT_H
#define TRICOLOR_MEASURE_ENVIRONMENT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

// A fresh object: machine_id (a hash, equal for series of one machine), host_name, cpu_model, cpus,
// cpus_allowed, mhz, governor, caches, memory_bytes, kernel, transparent_huge_pages, aslr, load_average,
// compiler, build_type, sanitizers, version, commit, executable_hash.
// `executable`: the program that is measured; equal hashes are the same build bit for bit.
json_t *tri_environment(const char *executable);

// The same facts as Google Benchmark's `context` names them.
json_t *tri_environment_context(const json_t *environment, const char *date, const char *executable);

// Peak resident size of this process since it was started (not its parent's, as rusage would say).
uint64_t tri_peak_resident_bytes(void);

// One line: version, commit, kind of build, compiler.
void tri_version_print(FILE *out);

#endif
