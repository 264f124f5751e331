// SPDX-License-Identifier: Apache-2.0
// What the record of a decision has in it, where it goes, and when there is none.
#include "inject/audit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "inject/journal.hpp"
#include "support/datagram_socket.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using test::heard;
using test::listen_at;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kConfigJson =
    R"({"annotations":{"io.kubernetes.cri.image-name":"docker.io/a:1\nNVH_CODE=x","secret":"s"}})";

ContainerTask task() {
  ContainerTask asked{.config_json = kConfigJson};
  asked.request.request = Request{.devices = DeviceNames{"0", "a\nNVH_RESULT=x"},
                                  .capabilities = {Capability::compute, Capability::utility}};
  asked.spec.environment = {{"PASSWORD", "secret"}};
  return asked;
}

class AuditRecord : public testing::Test {
 protected:
  void open(const std::string& destination) {
    audit_.enable({.audit = destination}, *open_root(host_.path()));
  }
  void finish(const Error* error = nullptr) {
    audit_.finish(*open_root(host_.path()), "c1", error);
  }

  test::TemporaryDirectory host_ = {};
  UniqueFd journal_ = listen_at(host_, kJournalSocket);
  Audit audit_ = Audit("hook");
};

TEST_F(AuditRecord, GoesToTheJournalOnce) {
  open("journal");
  audit_.describe(task());
  finish();
  EXPECT_THAT(heard(journal_),
              AllOf(HasSubstr("PRIORITY=6\n"), HasSubstr("\nNVH_AUDIT=1\n"),
                    HasSubstr("\nNVH_CALLER=hook\n"), HasSubstr("\nCONTAINER_ID=c1\n"),
                    HasSubstr("\nNVH_CAPABILITIES=compute,utility\n"),
                    HasSubstr("\nNVH_PLACEMENT=default\n"), HasSubstr("\nNVH_RESULT=done\n"),
                    HasSubstr("\nNVH_CODE=\n"), HasSubstr("\nNVH_MICROSECONDS="),
                    Not(HasSubstr("secret"))));
  finish();
  EXPECT_EQ(heard(journal_), "");
}

TEST_F(AuditRecord, HasNoFieldThatAContainerMadeUp) {
  open("journal");
  audit_.describe(task());
  finish();
  const std::string text = heard(journal_);
  EXPECT_THAT(text, AllOf(HasSubstr("NVH_DEVICES=0,a"), HasSubstr("NVH_IMAGE=docker.io/a:1")));
  EXPECT_THAT(text, AllOf(Not(HasSubstr("\nNVH_RESULT=x")), Not(HasSubstr("\nNVH_CODE=x"))));
}

TEST_F(AuditRecord, SaysThatGpusWereAskedForAsFreeOrAlone) {
  const auto recorded = [&](const Request& request) {
    ContainerTask asked;
    asked.request.request = request;
    audit_ = Audit("hook");
    open("journal");
    audit_.describe(asked);
    finish();
    return heard(journal_);
  };
  EXPECT_THAT(recorded({.free_gpus = 2, .is_exclusive = true}), HasSubstr("\nNVH_DEVICES=any:2\n"));
  EXPECT_THAT(recorded({.devices = DeviceNames{"0", "1"}, .is_exclusive = true}),
              HasSubstr("\nNVH_DEVICES=exclusive:0,1\n"));
}

TEST_F(AuditRecord, SaysWhyAContainerWasRefused) {
  open("journal");
  const Error error(Code::unknown_device, "`7`: unknown device", "x");
  finish(&error);  // before anything is known of the request
  EXPECT_THAT(heard(journal_),
              AllOf(HasSubstr("\nNVH_RESULT=refused\n"), HasSubstr("\nNVH_CODE=NVH-0202\n")));
}

TEST_F(AuditRecord, IsALineInAFileThatNobodyElseCanRead) {
  host_.directory("/log");
  open("/log/audit.jsonl");
  audit_.describe(task());
  finish();
  const std::string first = host_.read("/log/audit.jsonl");
  const auto line = nlohmann::json::parse(first);
  EXPECT_EQ(line["version"], "1");
  EXPECT_EQ(line["devices"], "0,a\nNVH_RESULT=x");
  EXPECT_EQ(line["result"], "done");
  EXPECT_EQ(first.find('\n'), first.size() - 1);
  struct stat status {};
  ASSERT_EQ(::stat(host_.below("/log/audit.jsonl").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  audit_ = Audit("cdi");
  open("/log/audit.jsonl");
  audit_.describe(task());
  finish();
  EXPECT_TRUE(host_.read("/log/audit.jsonl").starts_with(first));
  EXPECT_EQ(heard(journal_), "");
}

TEST_F(AuditRecord, IsNotWrittenWhereTheConfigurationDoesNotAskForIt) {
  open("");
  audit_.describe(task());
  finish();
  EXPECT_FALSE(audit_.enabled());
  EXPECT_EQ(heard(journal_), "");
}

TEST_F(AuditRecord, IsNotWrittenForAContainerWithoutARequest) {
  open("journal");
  audit_.describe({});
  finish();
  EXPECT_EQ(heard(journal_), "");
}

TEST_F(AuditRecord, IsLostWhereItCannotGoAndNothingElseHappens) {
  host_.write("/linked");
  host_.link("/link", "linked");
  host_.directory("/directory");
  for (const char* path : {"/nonexistent/audit", "/link", "/directory"}) {
    audit_ = Audit("hook");
    open(path);
    audit_.describe(task());
    finish();
    EXPECT_FALSE(audit_.enabled()) << path;
  }
  EXPECT_THAT(host_.read("/linked"), IsEmpty());
}

}  // namespace
}  // namespace nvhook
