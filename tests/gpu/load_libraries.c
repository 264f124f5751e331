// SPDX-License-Identifier: Apache-2.0
// Runs inside a container: checks whether the loader finds each file under its own SONAME.
//
//   load_libraries FILE...     one line a file: FILE, SONAME, verdict, detail; separated by tabs
//
// The verdict is one of: loaded; other (the SONAME led to another file: the detail); failed (the
// detail is the loader's message); no-soname; foreign (another ELF class).
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct Image {
  const char* bytes;
  size_t size;
};

static struct Image map_file(const char* path) {
  struct Image image = {NULL, 0};
  struct stat status;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > (off_t)sizeof(ElfW(Ehdr))) {
    void* bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes != MAP_FAILED) image = (struct Image){bytes, (size_t)status.st_size};
  }
  if (fd >= 0) close(fd);
  return image;
}

/// Returns the part of the file that is mapped at this address; NULL if none is.
static const char* at_address(struct Image image, size_t address, size_t size) {
  const ElfW(Ehdr)* header = (const void*)image.bytes;
  const ElfW(Phdr)* segment = (const void*)(image.bytes + header->e_phoff);
  for (int i = 0; i < header->e_phnum; ++i) {
    if (segment[i].p_type != PT_LOAD || address < segment[i].p_vaddr) continue;
    const size_t inside = address - segment[i].p_vaddr;
    const size_t offset = segment[i].p_offset + inside;
    if (inside < segment[i].p_filesz && offset + size <= image.size) return image.bytes + offset;
  }
  return NULL;
}

/// The driver's files belong to the host and are trusted; the check is for files that are no
/// libraries.
static const char* soname_of(struct Image image) {
  const ElfW(Ehdr)* header = (const void*)image.bytes;
  const ElfW(Phdr)* segment = (const void*)(image.bytes + header->e_phoff);
  size_t strings = 0;
  size_t soname = 0;
  int found = 0;
  if (header->e_phoff + header->e_phnum * sizeof *segment > image.size) return NULL;
  for (int i = 0; i < header->e_phnum; ++i) {
    if (segment[i].p_type != PT_DYNAMIC) continue;
    if (segment[i].p_offset + segment[i].p_filesz > image.size) return NULL;
    const ElfW(Dyn)* entry = (const void*)(image.bytes + segment[i].p_offset);
    for (size_t n = segment[i].p_filesz / sizeof *entry; n > 0 && entry->d_tag != DT_NULL;
         --n, ++entry) {
      if (entry->d_tag == DT_STRTAB) strings = entry->d_un.d_ptr;
      if (entry->d_tag == DT_SONAME) soname = entry->d_un.d_val;
      found |= entry->d_tag == DT_SONAME;
    }
  }
  return found ? at_address(image, strings + soname, 1) : NULL;
}

static void say(const char* file, const char* soname, const char* verdict, const char* detail) {
  printf("%s\t%s\t%s\t%s\n", file, soname, verdict, detail);
  fflush(stdout);
}

static void load(const char* file, const char* soname) {
  struct stat wanted;
  struct stat taken;
  struct link_map* map = NULL;
  void* library = dlopen(soname, RTLD_LAZY);
  if (library == NULL || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) {
    say(file, soname, "failed", dlerror());
  } else if (stat(file, &wanted) != 0 || stat(map->l_name, &taken) != 0 ||
             wanted.st_ino != taken.st_ino || wanted.st_dev != taken.st_dev) {
    say(file, soname, "other", map->l_name);
  } else {
    say(file, soname, "loaded", map->l_name);
  }
}

static void examine(const char* file) {
  const struct Image image = map_file(file);
  const unsigned char own_class = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
  if (image.bytes == NULL || memcmp(image.bytes, ELFMAG, SELFMAG) != 0) {
    say(file, "", "failed", "cannot be read, or is no ELF file");
  } else if ((unsigned char)image.bytes[EI_CLASS] != own_class) {
    say(file, "", "foreign", "");
  } else if (soname_of(image) == NULL) {
    say(file, "", "no-soname", "");
  } else {
    load(file, soname_of(image));
  }
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    // One process each, so that no library can use what another one loaded, and a crash is
    // reported.
    const pid_t child = fork();
    int status = 0;
    if (child == 0) {
      examine(argv[i]);
      _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
      say(argv[i], "", "failed", "its process crashed");
    }
  }
  return EXIT_SUCCESS;
}
