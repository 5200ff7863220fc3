// A new file appears whole or not at all, and the old one survives a full disk.
#include "measure/file.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"

static char directory[] = "/tmp/tricolor-test-file-XXXXXX";
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

int main(void) {
  TRI_CHECK(mkdtemp(directory) != NULL);
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

  unlink(path);
  TRI_CHECK_EQ(rmdir(directory), 0);
  free(path);
  return 0;
}
