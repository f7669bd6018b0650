#include "agent/mpi/process.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace everstep::mpi {
namespace {

using Words = std::vector<std::string>;

TEST(MpiEnvironment, IsTheRanksWithWhatMpirunHasSetForThisOne) {
  EXPECT_EQ(ForMpi({"RANK=3", "PATH=/opt/bin", "OMPI_MCA_btl=tcp"},
                   {"RANK=2", "PATH=/usr/bin", "OMPI_MCA_btl=self", "OMPI_COMM_WORLD_RANK=3", "PMIX_RANK=3", "UCX_TLS=tcp"}),
            (Words{"OMPI_COMM_WORLD_RANK=3", "OMPI_MCA_btl=self", "PATH=/opt/bin", "PMIX_RANK=3", "RANK=3", "UCX_TLS=tcp"}));
}

TEST(MpiEnvironment, AValueIsOfTheWholeName) {
  EXPECT_EQ(ValueIn({"RANKS=4", "RANK=", "X=1"}, "RANK"), "");
  EXPECT_EQ(ValueIn({"RANKS=4"}, "RANK"), std::nullopt);
}

TEST(MpiProcess, WhatCannotBeStartedIsNamed) {
  const auto error = [](Words argv) {
    const auto started = StartProcess({.argv = std::move(argv), .environment = {"PATH=/usr/bin:/bin"}});
    return started ? Error{} : started.error();
  };
  EXPECT_EQ(error({"there-is-none"}).Str(), "cannot run there-is-none: it is not in PATH=/usr/bin:/bin");
  EXPECT_EQ(error({"there-is-none"}).code, ErrorCode::kNotFound);
  EXPECT_EQ(error({"./there-is-none"}).code, ErrorCode::kNotFound);
  EXPECT_EQ(error({"/etc/passwd"}).Str(), "cannot run /etc/passwd: Permission denied");
  EXPECT_EQ(error({"/etc/passwd"}).code, ErrorCode::kIo);
}

}  // namespace
}  // namespace everstep::mpi
