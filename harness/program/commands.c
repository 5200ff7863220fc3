// `tricolor asm`, `dis` and `record`: what needs no schedule. Those that run programs are in replay_command.c.
#include "program/commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "measure/arguments.h"
#include "measure/file.h"
#include "program/exec.h"
#include "program/files.h"
#include "program/text.h"
#include "run.h"
#include "shims/record.h"

// ---- asm, dis -------------------------------------------------------------------------------------------------

static int convert(const struct tri_command *command, bool to_text, int argc, char **argv) {
  const char *out = NULL;
  const struct tri_argument table[] = {
      {"out", "FILE", "where to; without it to the standard output", .text = &out}, {0}};
  struct tri_words files = {0};
  struct tri_error error;
  struct tri_program program = {0};
  enum tri_exit status = TRI_EXIT_BAD_INPUT;
  if (tri_arguments_parse(command, table, argc, argv, &files, &error) &&
      tri_program_read(files.words[0], &program, &error)) {
    bool written = tri_program_write(&program, out, to_text, NULL, &error);
    status = written ? TRI_EXIT_GOOD : TRI_EXIT_SUITE_FAILED;
  }
  tri_program_free(&program);
  free(files.words);
  return status ? tri_command_fails(command->name, &error, status) : TRI_EXIT_GOOD;
}

int tri_command_asm(int argc, char **argv) {
  static const struct tri_command command = {
      .name = "asm",
      .synopsis = "[--out=FILE] FILE",
      .about = "Turns a heap program from text (.thp) into bytes. - is the standard input.\n",
      .most_words = 1,
      .word_missing = TRI_NO_FILE};
  return convert(&command, false, argc, argv);
}

int tri_command_dis(int argc, char **argv) {
  static const struct tri_command command = {
      .name = "dis",
      .synopsis = "[--out=FILE] FILE",
      .about = "Turns a heap program from bytes (any bytes) into text. - is the standard input.\n",
      .most_words = 1,
      .word_missing = TRI_NO_FILE};
  return convert(&command, true, argc, argv);
}

// ---- record ---------------------------------------------------------------------------------------------------

// "# Recorded from the workload gcbench, depth=8 array=5000 threads=1."
static char *describe(const struct tri_workload *workload, const int64_t *param) {
  char *text = tri_format("# Recorded from the workload %s%s", workload->name, workload->n_params ? "," : "");
  for (size_t i = 0; i < workload->n_params; i++) {
    char *longer = tri_format("%s %s=%" PRId64, text, workload->params[i].name, param[i]);
    free(text);
    text = longer;
  }
  char *line = tri_format("%s.\n", text);
  free(text);
  return line;
}

struct record_arguments {
  const char *workload, *out;
  int size;
  struct tri_words params;
};

// Run the workload on a heap that records it.
static bool record(const struct record_arguments *arguments, struct tri_recording *recording, char **comment,
                   struct tri_error *error) {
  if (!arguments->workload) return tri_fail(error, "--workload is missing; `tricolor list workloads` shows all");
  if (!arguments->out) return tri_fail(error, "--out is missing: where to write the program");
  const struct tri_workload *workload = tri_workload_named(arguments->workload, error);
  if (!workload) return false;
  int64_t param[TRI_MAX_PARAMS];
  for (size_t i = 0; i < workload->n_params; i++) param[i] = workload->params[i].value[arguments->size];
  for (size_t i = 0; i < arguments->params.count; i++)
    if (!tri_workload_set_param(workload, param, arguments->params.words[i], error)) return false;
  *comment = describe(workload, param);

  struct tri_shim_record shim;
  const struct tri_collector *inner = tri_collector_named("nocollect", error);
  if (!inner) return false;
  const struct tri_collector *collector = tri_record_wrap(&shim, inner, recording);
  struct tri_heap_params params = {.options = "heap=1g", .error = error->text, .error_bytes = sizeof error->text};
  struct tri_heap *heap;
  struct tri_mutator *m;
  if (tri_heap_create(collector, &params, &heap) != TRI_OK) return false;
  if (tri_attach(heap, &m) != TRI_OK) {
    tri_heap_destroy(heap);
    return tri_fail(error, "out of memory");
  }
  struct tri_answer answer = {0};
  enum tri_outcome outcome = workload->run(m, param, &answer);
  tri_detach(m);
  tri_heap_destroy(heap);
  if (recording->failure[0]) return tri_fail(error, "cannot record '%s': %s", workload->name, recording->failure);
  if (outcome != TRI_OUTCOME_OK) return tri_fail(error, "workload '%s' failed: %s", workload->name, answer.text);
  return true;
}

// Does the recording build the graph that the workload built?
static bool repeats(const struct tri_recording *recording, struct tri_error *error) {
  struct tri_run_params params = {.collector = tri_collector_find("nocollect")};
  struct tri_run_result result;
  tri_program_run(&recording->program, &params, &result);
  if (result.status == TRI_RUN_OK && result.hashed && result.shape_hash == recording->shape_hash &&
      result.objects == recording->objects)
    return true;
  return tri_fail(error, "the recording does not build the graph of the workload: %" PRIu64 " objects, not %" PRIu64 " %s",
                  result.objects, recording->objects, result.message);
}

int tri_command_record(int argc, char **argv) {
  static const struct tri_command command = {.name = "record",
                                             .synopsis = "--workload=W --out=FILE [options]",
                                             .about = "Runs a workload and writes what it did to the heap as "
                                                      "a heap program. Replays the program and compares\n"
                                                      "the graphs before it is written.\n"};
  struct record_arguments arguments = {.size = TRI_SIZE_TINY};
  const struct tri_argument table[] = {
      {"workload", "W", "a name from `tricolor list workloads`", .text = &arguments.workload},
      {"out", "FILE", "where to: text if FILE ends in .thp, else bytes", .text = &arguments.out},
      {"size", NULL, "which set of parameters (default tiny)", .choice = &arguments.size,
       .choices = tri_size_names},
      {"param", "NAME=N", "set one parameter of the workload; may be repeated",
       .repeated = &arguments.params},
      {0}};
  struct tri_error error;
  struct tri_recording recording = {0};
  enum tri_exit status = TRI_EXIT_BAD_INPUT;
  char *comment = NULL;
  if (tri_arguments_parse(&command, table, argc, argv, NULL, &error) &&
      record(&arguments, &recording, &comment, &error)) {
    bool written =
        repeats(&recording, &error) && tri_program_write(&recording.program, arguments.out,
                                                         tri_program_is_text(arguments.out), comment, &error);
    status = written ? TRI_EXIT_GOOD : TRI_EXIT_SUITE_FAILED;
  }
  if (status == TRI_EXIT_GOOD)
    printf("%s: %zu operations, %" PRIu64 " objects at the end, replays to the same graph\n", arguments.out,
           recording.program.count, recording.objects);
  free(comment);
  free(arguments.params.words);
  tri_program_free(&recording.program);
  return status ? tri_command_fails(command.name, &error, status) : TRI_EXIT_GOOD;
}
