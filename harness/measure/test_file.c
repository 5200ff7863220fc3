// A new file appears whole or not at all, and the old one survives a full disk. Folders go with all in them.
#include "measure/file.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"

static char *directory;
static struct tri_error error;

static bool write_text(const char *path, const char *text) {
  struct tri_new_file file;
  if (!tri_new_file_begin(&file, path, &error)) return false;
  fputs(text, file.stream);
  return tri_new_file_commit(&file, &error);
}

static void expect_content(const char *path, const char *expected) {
  char text[64] = "";
  FILE *file = fopen(path, "r");
  TRI_CHECK(file != NULL);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  TRI_CHECK_STR(text, expected);
}

static void expect_error(const char *part) {
  if (!strstr(error.text, part)) puts(error.text);
  TRI_CHECK(strstr(error.text, part) != NULL);
}

static int entries(void) {
  int count = 0;
  DIR *listing = opendir(directory);
  for (struct dirent *entry; (entry = readdir(listing));) count += entry->d_name[0] != '.';
  closedir(listing);
  return count;
}

static bool is_folder(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void check_making_folders(void) {
  char *inner = tri_format("%s/a/b", directory), *occupied = tri_format("%s/file/b", directory);
  TRI_CHECK(tri_make_folder(inner, &error) && is_folder(inner));
  TRI_CHECK(tri_make_folder(inner, &error));
  TRI_CHECK(!tri_make_folder(occupied, &error));
  expect_error("/file: the folder cannot be made: there is a file of that name");

  char *link = tri_format("%s/link", inner), *above = tri_format("%s/a", directory);
  char *kept = tri_format("%s/file", directory), *beside = tri_format("%s/beside", inner);
  TRI_CHECK(!tri_make_folder(kept, &error));
  expect_error("/file: the folder cannot be made: there is a file of that name");
  TRI_CHECK_EQ(symlink(directory, link), 0);
  TRI_CHECK(write_text(beside, "text"));
  tri_remove_folder(above);
  TRI_CHECK(!is_folder(above));
  expect_content(kept, "second"); // the link was not followed
  char *const texts[] = {inner, occupied, link, above, kept, beside};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
}

static void check_temporary_folders(void) {
  setenv("TMPDIR", directory, 1);
  char *one = tri_temporary_folder("use", &error), *other = tri_temporary_folder("use", &error);
  TRI_CHECK(one && other && strcmp(one, other) != 0);
  char *beginning = tri_format("%s/tricolor-use.", directory);
  TRI_CHECK_EQ(strncmp(one, beginning, strlen(beginning)), 0);
  struct stat st;
  TRI_CHECK_EQ(stat(one, &st), 0);
  TRI_CHECK_EQ(st.st_mode & 0777, 0700);
  tri_remove_folder(one);
  TRI_CHECK(!is_folder(one) && is_folder(other));
  tri_remove_folder(other);

  setenv("TMPDIR", "/no/such/folder", 1);
  TRI_CHECK(!tri_temporary_folder("use", &error));
  expect_error("/no/such/folder/tricolor-use.");
  expect_error(": the folder cannot be made: No such file or directory");
  setenv("TMPDIR", "", 1);
  char *const default_place = tri_temporary_folder("use", &error);
  TRI_CHECK(default_place && strncmp(default_place, "/tmp/tricolor-use.", 18) == 0);
  tri_remove_folder(default_place);
  char *const texts[] = {one, other, beginning, default_place};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
}

int main(void) {
  directory = tri_temporary_folder("test-file", &error);
  TRI_CHECK(directory != NULL);
  char *path = tri_format("%s/file", directory);
  umask(022);
  TRI_CHECK(write_text(path, "first"));
  expect_content(path, "first");
  struct stat present;
  TRI_CHECK_EQ(stat(path, &present), 0);
  TRI_CHECK_EQ(present.st_mode & 0777, 0644);
  TRI_CHECK(write_text(path, "second"));
  expect_content(path, "second");

  signal(SIGXFSZ, SIG_IGN);
  struct rlimit unlimited, three_bytes;
  getrlimit(RLIMIT_FSIZE, &unlimited);
  three_bytes = unlimited;
  three_bytes.rlim_cur = 3;
  setrlimit(RLIMIT_FSIZE, &three_bytes);
  TRI_CHECK(!write_text(path, "third"));
  setrlimit(RLIMIT_FSIZE, &unlimited);
  expect_error("/file: cannot be written: File too large");
  expect_content(path, "second");
  TRI_CHECK_EQ(entries(), 1);

  TRI_CHECK(!write_text("/dev/null", "x"));
  expect_error("/dev/null: cannot be written: not a regular file");
  TRI_CHECK(!write_text(directory, "x"));
  expect_error("not a regular file");
  TRI_CHECK(!write_text("/no/such/folder/file", "x"));
  expect_error("/no/such/folder/file: cannot be written: No such file or directory");

  struct tri_new_file file; // given up on: nothing is left, the old one stays
  TRI_CHECK(tri_new_file_begin(&file, path, &error));
  TRI_CHECK_EQ(entries(), 2);
  tri_new_file_abandon(&file);
  TRI_CHECK_EQ(entries(), 1);
  expect_content(path, "second");

  check_making_folders();
  check_temporary_folders();
  unlink(path);
  TRI_CHECK_EQ(rmdir(directory), 0);
  free(directory);
  free(path);
  return 0;
}
