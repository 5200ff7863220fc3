// `tricolor asm`, `dis` and `record`: what needs no schedule. Those that run programs are in replay_command.c.
#include "program/commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "measure/file.h"
#include "program/arguments.h"
#include "program/exec.h"
#include "program/files.h"
#include "program/text.h"
#include "run.h"
#include "shims/record.h"

// ---- asm, dis -------------------------------------------------------------------------------------------------

static bool write_bytes(const struct tri_program *program, FILE *out) {
  size_t size = tri_program_encode(program, NULL, 0);
  uint8_t *bytes = tri_need(malloc(size + 1));
  tri_program_encode(program, bytes, size);
  bool ok = fwrite(bytes, 1, size, out) == size;
  free(bytes);
  return ok;
}

typedef bool write_fn(const struct tri_program *program, FILE *out);

static bool write_file(const struct tri_program *program, const char *path, write_fn *write, struct tri_error *error) {
  struct tri_new_file file;
  if (!tri_new_file_begin(&file, path, error)) return false;
  write(program, file.stream); // a failed write shows up at the commit
  return tri_new_file_commit(&file, error);
}

static int convert(const struct tri_command *command, int argc, char **argv, write_fn *write) {
  struct tri_arguments arguments;
  struct tri_error error;
  struct tri_program program = {0};
  if (!tri_arguments_parse(command, argc, argv, &arguments, &error)) return tri_command_bad(command, &error);
  if (arguments.n_files > 1) {
    tri_fail(&error, "one file at a time, please: '%s' is too many", arguments.files[1]);
    return tri_command_bad(command, &error);
  }
  bool read = tri_program_read(arguments.files[0], &program, &error);
  int status = read ? 0 : tri_command_bad(command, &error);
  if (read && arguments.out) {
    if (!write_file(&program, arguments.out, write, &error)) status = tri_command_not_written(command, &error);
  } else if (read && (!write(&program, stdout) || fflush(stdout) != 0)) {
    perror("tricolor: standard output");
    status = 3;
  }
  tri_program_free(&program);
  return status;
}

int tri_command_asm(int argc, char **argv) {
  static const struct tri_command command = {"asm", "O",
                                         "usage: tricolor asm [--out=FILE] FILE\n"
                                         "Turns a heap program from text (.thp) into bytes. - is the standard input;\n"
                                         "without --out the bytes go to the standard output.\n"};
  return convert(&command, argc, argv, write_bytes);
}

int tri_command_dis(int argc, char **argv) {
  static const struct tri_command command = {"dis", "O",
                                         "usage: tricolor dis [--out=FILE] FILE\n"
                                         "Turns a heap program from bytes (any bytes) into text. - is the standard\n"
                                         "input; without --out the text goes to the standard output.\n"};
  return convert(&command, argc, argv, tri_program_print);
}

// ---- record ---------------------------------------------------------------------------------------------------

// "gcbench, depth=8 array=5000 threads=1"
static char *describe(const struct tri_workload *workload, const int64_t *param) {
  char *text = tri_format("%s,", workload->name);
  for (size_t i = 0; i < workload->n_params; i++) {
    char *longer = tri_format("%s %s=%" PRId64, text, workload->params[i].name, param[i]);
    free(text);
    text = longer;
  }
  return text;
}

// Run the workload on a heap that records it.
static bool record(const struct tri_arguments *arguments, struct tri_recording *recording, char **comment,
                   struct tri_error *error) {
  enum tri_size size = TRI_SIZE_TINY;
  if (!arguments->workload) return tri_fail(error, "--workload is missing; `tricolor list workloads` shows all");
  if (!arguments->out) return tri_fail(error, "--out is missing: where to write the program");
  const struct tri_workload *workload = tri_workload_named(arguments->workload, error);
  if (!workload || (arguments->size && !tri_workload_size_named(arguments->size, &size, error))) return false;
  int64_t param[TRI_MAX_PARAMS];
  for (size_t i = 0; i < workload->n_params; i++) param[i] = workload->params[i].value[size];
  for (int i = 0; i < arguments->n_params; i++)
    if (!tri_workload_set_param(workload, param, arguments->params[i], error)) return false;
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

// As text, with a comment on where it comes from, if the name ends in .thp; else as bytes.
static bool write_recording(const struct tri_program *program, const char *path, const char *comment,
                            struct tri_error *error) {
  struct tri_new_file file;
  size_t n = strlen(path);
  if (n < 4 || strcmp(path + n - 4, ".thp") != 0) return write_file(program, path, write_bytes, error);
  if (!tri_new_file_begin(&file, path, error)) return false;
  fprintf(file.stream, "# Recorded from the workload %s.\n", comment);
  tri_program_print(program, file.stream);
  return tri_new_file_commit(&file, error);
}

int tri_command_record(int argc, char **argv) {
  static const struct tri_command command = {
      "record", "Owsp",
      "usage: tricolor record --workload=W [--size=tiny|ci|full] [--param=NAME=N] --out=FILE\n"
      "Runs a workload and writes what it did to the heap as a heap program: text if FILE ends in .thp, else bytes.\n"
      "Replays the program and compares the graphs before it is written.\n"
      "  --size=tiny       which set of parameters (default tiny)\n"
      "  --param=NAME=N    set one parameter of the workload; may be repeated\n"};
  struct tri_arguments arguments;
  struct tri_error error;
  struct tri_recording recording = {0};
  if (!tri_arguments_parse(&command, argc, argv, &arguments, &error)) return tri_command_bad(&command, &error);
  if (arguments.n_files) {
    tri_fail(&error, "'%s' is not an option; see `tricolor record --help`", arguments.files[0]);
    return tri_command_bad(&command, &error);
  }
  int status = 0;
  char *comment = NULL;
  if (!record(&arguments, &recording, &comment, &error)) {
    status = tri_command_bad(&command, &error);
  } else if (!repeats(&recording, &error) || !write_recording(&recording.program, arguments.out, comment, &error)) {
    status = tri_command_not_written(&command, &error);
  } else {
    printf("%s: %zu operations, %" PRIu64 " objects at the end, replays to the same graph\n", arguments.out,
           recording.program.count, recording.objects);
  }
  free(comment);
  tri_program_free(&recording.program);
  return status;
}
