// SPDX-License-Identifier: Apache-2.0
// While it waits, it only looks for a driver that has come or changed.
#include "command/node/node_service.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <ostream>

#include "command/shell/end_signals.hpp"
#include "os/errno_error.hpp"
#include "os/replace_file.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::chrono::milliseconds kLockPause{100};
constexpr std::chrono::minutes kLabelsPause{1};
constexpr mode_t kReadyMode = 0644;

GiveUp until(const EndSignals& ends) {
  return [&ends] { return ends.wait(-1, kLockPause); };
}

/// The file says to others in the pod that the node is set up; it goes when this goes.
class ReadyFile {
 public:
  explicit ReadyFile(const std::string& path) : name_(path.substr(path.rfind('/') + 1)) {
    const auto own = open_root("/");
    if (own) directory_ = own->open(path.substr(0, path.rfind('/')), O_PATH | O_DIRECTORY);
    take_away();
  }
  ReadyFile(const ReadyFile&) = delete;
  ReadyFile& operator=(const ReadyFile&) = delete;
  ReadyFile(ReadyFile&&) = delete;
  ReadyFile& operator=(ReadyFile&&) = delete;
  ~ReadyFile() { take_away(); }

  void make() const {
    if (!directory_) return;
    if (!put_file(directory_.get(), name_, "ready\n", kReadyMode)) {
      throw_errno(Code::node_not_writable, "write the file `" + name_ + "`",
                  "mount an empty directory there");
    }
  }

 private:
  void take_away() const noexcept {
    if (directory_) ::unlinkat(directory_.get(), name_.c_str(), 0);
  }

  UniqueFd directory_ = UniqueFd();
  std::string name_;
};

/// Labels are no reason to end.
void look_at_driver(NodeClaim& claim, NodeInstaller& installer, const EndSignals& ends,
                    CommandContext& context) {
  if (!claim.lock(until(ends))) return;
  try {
    if (claim.record().generation == claim.generation()) installer.refresh_labels();
  } catch (const Error& error) {
    context.err << "warning: " << to_line(error) << '\n';
  }
  claim.unlock();
}

}  // namespace

Outcome install_node(const NodeService& service) {
  const EndSignals ends;
  NodeClaim claim(service.root, service.state);
  if (!claim.lock(until(ends))) return Outcome::broken;
  claim.claim(service.task.owner);
  NodeInstaller(service.task, service.root, claim, service.context).install();
  return Outcome::good;
}

Outcome remove_node(const NodeService& service) {
  const EndSignals ends;
  NodeClaim claim(service.root, service.state);
  if (!claim.lock(until(ends))) return Outcome::broken;
  if (!claim.is_free()) {
    throw Error(Code::node_taken,
                "an installer of `" + claim.record().owner + "` runs on this node",
                "remove that DaemonSet, whose installer then takes back what it did");
  }
  NodeInstaller(service.task, service.root, claim, service.context).take_back();
  return claim.record().directory.empty() ? Outcome::good : Outcome::warning;
}

Outcome serve_node(const NodeService& service) {
  CommandContext& context = service.context;
  const EndSignals ends;
  const ReadyFile ready(service.ready_file);
  NodeClaim claim(service.root, service.state);
  if (!claim.lock(until(ends))) return Outcome::good;
  claim.claim(service.task.owner);
  NodeInstaller installer(service.task, service.root, claim, context);
  installer.install();
  claim.unlock();
  ready.make();
  context.err << "ready\n";
  while (!ends.wait(-1, kLabelsPause)) look_at_driver(claim, installer, ends, context);
  if (!claim.lock([] { return false; })) return Outcome::broken;
  if (claim.record().generation != claim.generation()) {
    context.err << "a successor of the same owner has begun: everything stays\n";
    return Outcome::good;
  }
  installer.take_back();
  return Outcome::good;
}

}  // namespace nvhook
