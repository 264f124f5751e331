// SPDX-License-Identifier: Apache-2.0
// The child answers by a pipe, with one JSON document.
#include "command/refresh/apart.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "os/default_child_signal.hpp"
#include "os/errno_error.hpp"
#include "os/files.hpp"
#include "os/unique_fd.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using AnswerJson = nlohmann::json;

constexpr std::size_t kMaxAnswer = 16UL << 20U;
constexpr const char* kRemedy = "call it once more";

AnswerJson to_json(const Error& error) {
  return {
      {"code", static_cast<int>(error.code())}, {"what", error.what()}, {"remedy", error.remedy()}};
}

AnswerJson answer_of(const std::function<Notes()>& work) {
  try {
    AnswerJson notes = AnswerJson::array();
    for (const Note& note : work()) {
      notes.push_back({{"warning", note.level == Note::Level::warning}, {"text", note.text}});
    }
    return {{"notes", notes}};
  } catch (const Error& error) {
    return to_json(error);
  } catch (const std::exception& error) {
    return to_json(Error(Code::internal, error.what(), "report this as a defect"));
  }
}

[[noreturn]] void answer(int pipe, const std::function<Notes()>& work) {
  const std::string text =
      answer_of(work).dump(-1, ' ', false, AnswerJson::error_handler_t::replace);
  ::_exit(write_all(pipe, text) ? 0 : 1);
}

void wait_for(pid_t child) {
  while (::waitpid(child, nullptr, 0) < 0) {
    if (errno != EINTR) throw_errno(Code::internal, "wait for a process", kRemedy);
  }
}

Notes notes_of(const AnswerJson& answer) {
  if (!answer.is_object()) {
    throw Error(Code::internal, "the process that changes the container has ended", kRemedy);
  }
  if (!answer.contains("notes")) {
    throw Error(static_cast<Code>(answer.at("code").get<int>()),
                answer.at("what").get<std::string>(), answer.at("remedy").get<std::string>());
  }
  Notes notes;
  for (const AnswerJson& note : answer.at("notes")) {
    const std::string text = note.at("text").get<std::string>();
    notes.push_back(note.at("warning").get<bool>() ? warning(text) : info(text));
  }
  return notes;
}

}  // namespace

Notes run_apart(const std::function<Notes()>& work) {
  const DefaultChildSignal child_signal;
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno(Code::internal, "make a pipe", kRemedy);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw_errno(Code::internal, "fork", "free memory and process numbers");
  if (child == 0) answer(writer.get(), work);
  writer.reset();
  const auto text = read_all(reader.get(), kMaxAnswer);
  wait_for(child);
  return notes_of(AnswerJson::parse(text.value_or(""), nullptr, false));
}

}  // namespace nvhook
