// SPDX-License-Identifier: Apache-2.0
// Tests parsing the records of engines and runtimes, and which container a word names.
#include "command/containers/container_records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/engines/storage_conf.hpp"

namespace nvhook {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ContainerRecords, RuncTellsTheBundleAmongTheLabels) {
  EXPECT_EQ(parse_runc_state(R"({"id":"web","init_process_pid":4711,"created":"2026-01-01",
    "config":{"rootfs":"/b/rootfs","labels":["a=b","bundle=/b"]}})"),
            (ContainerRecord{.engine = "runc", .id = "web", .pid = 4711, .bundle = "/b"}));
}

TEST(ContainerRecords, CrunTellsPidAndBundle) {
  EXPECT_EQ(parse_crun_status(R"({"pid":12,"bundle":"/b","rootfs":"/b/rootfs"})"),
            (ContainerRecord{.engine = "crun", .pid = 12, .bundle = "/b"}));
}

TEST(ContainerRecords, WhatIsNoStateTellsNothing) {
  for (const char* text :
       {"", "[]", "null", "{", "4", R"({"pid":"12","config":[]})",
        R"({"pid":-1,"init_process_pid":-7})", R"({"pid":99999999999,"init_process_pid":1.5})",
        R"({"config":{"labels":{"bundle":"/b"}},"bundle":7})"}) {
    EXPECT_EQ(parse_runc_state(text), (ContainerRecord{.engine = "runc"})) << text;
    EXPECT_EQ(parse_crun_status(text), (ContainerRecord{.engine = "crun"})) << text;
  }
}

TEST(ContainerRecords, OneUsersWordAddsNothingToAnothersRecord) {
  const std::vector<ContainerRecord> records{
      {.engine = "runc", .id = "web", .pid = 1, .user = "1000"},
      {.engine = "crun", .id = "web", .bundle = "/b", .user = "1001"}};
  EXPECT_EQ(merged(records), records);
}

TEST(ContainerRecords, APidFileIsANumber) {
  EXPECT_EQ(parse_pid_file("4711\n"), 4711);
  for (const char* text : {"", "x", "-1", "4711 4712", "99999999999"}) {
    EXPECT_EQ(parse_pid_file(text), 0) << text;
  }
}

TEST(ContainerRecords, DockersNamesBeginWithASlash) {
  EXPECT_EQ(parse_docker_name(R"({"ID":"4f","Name":"/web"})"), "web");
  EXPECT_EQ(parse_docker_name("{}"), "");
}

TEST(ContainerRecords, DockersDataMayBeElsewhere) {
  EXPECT_EQ(parse_docker_data_root(R"({"data-root":"/data"})"), "/data");
  for (const char* text : {"", "{}", R"({"data-root":7})", R"({"data-root":"relative"})"}) {
    EXPECT_EQ(parse_docker_data_root(text), "/var/lib/docker") << text;
  }
}

TEST(ContainerRecords, StorageIsOfPodmanAndOfCriO) {
  const auto records = parse_storage_containers(R"([
    {"id":"4f","names":["web","other"],"metadata":"{\"image-name\":\"debian\"}"},
    {"id":"5a","names":["k8s_c"],"metadata":"{\"pod-id\":\"77\"}"},
    {"id":"6b"}, {"names":["no id"]}, 7])");
  EXPECT_THAT(records, ElementsAre(ContainerRecord{.engine = "Podman", .id = "4f", .name = "web"},
                                   ContainerRecord{.engine = "CRI-O", .id = "5a", .name = "k8s_c"},
                                   ContainerRecord{.engine = "Podman", .id = "6b"}));
  EXPECT_THAT(parse_storage_containers("{}"), IsEmpty());
}

TEST(ContainerRecords, OneRecordForAContainerThatSeveralKnow) {
  EXPECT_THAT(
      merged({{.engine = "Podman", .id = "4f", .name = "web"},
              {.engine = "runc", .id = "4f", .pid = 7, .bundle = "/b"},
              {.engine = "runc", .id = "5a", .pid = 8}}),
      ElementsAre(
          ContainerRecord{.engine = "Podman", .id = "4f", .name = "web", .pid = 7, .bundle = "/b"},
          ContainerRecord{.engine = "runc", .id = "5a", .pid = 8}));
}

TEST(ContainerRecords, AWordIsAnIdOrANameBeforeItIsABeginning) {
  const ContainerRecord web{.id = "4f11", .name = "web"};
  const ContainerRecord other{.id = "4f22", .name = "4f"};
  const ContainerRecord third{.id = "web2"};
  EXPECT_THAT(matching({web, other, third}, "web"), ElementsAre(web));
  EXPECT_THAT(matching({web, other, third}, "4f"), ElementsAre(other));
  EXPECT_THAT(matching({web, third}, "4f1"), ElementsAre(web));
  EXPECT_THAT(matching({web, {.id = "4f12"}}, "4f1"), testing::SizeIs(2));
  EXPECT_THAT(matching({web, third}, "x"), IsEmpty());
  EXPECT_THAT(matching({web, third}, ""), IsEmpty());
}

TEST(StorageConf, SaysWhereStorageIs) {
  const StorageRoots usual{.run = "/run/containers/storage",
                           .graph = "/var/lib/containers/storage"};
  EXPECT_EQ(parse_storage_conf("[storage]\ndriver = 'overlay'\nrunroot = '/r' # here\n"
                               "graphroot = \"/g\"\n[storage.options]\nrunroot = '/no'\n",
                               usual),
            (StorageRoots{.run = "/r", .graph = "/g"}));
  EXPECT_EQ(parse_storage_conf("", usual), usual);
  EXPECT_EQ(parse_storage_conf("[storage\n", usual), usual);
  EXPECT_EQ(parse_storage_conf("[storage]\nrunroot = 'relative'\ngraphroot = 7\n", usual), usual);
}

}  // namespace
}  // namespace nvhook
