#include <sched.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/parallel/cpu_budget.hpp>
#include <luban/parallel/detail/cgroup.hpp>

namespace luban::parallel {
namespace {

namespace fs = std::filesystem;

/// Sets one environment variable for as long as it lives.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* before = getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Environment() {
    if (before_) {
      setenv(name_, before_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(cpu_budget, is_at_least_one_thread_and_says_what_decided_it) {
  const CpuBudget budget = cpu_budget();
  EXPECT_GE(budget.threads, 1);
  EXPECT_FALSE(budget.decided_by.empty());
}

TEST(cpu_budget, the_users_limit_lowers_it) {
  const int whole = cpu_budget().threads;
  EXPECT_EQ(cpu_budget(1).threads, 1);
  EXPECT_EQ(cpu_budget(1).decided_by == "user", whole > 1);
  EXPECT_EQ(cpu_budget(whole + 100).threads, whole);
  EXPECT_THROW(static_cast<void>(cpu_budget(-1)), core::ConfigurationError);
}

TEST(cpu_budget, slurms_grant_lowers_it) {
  const int whole = cpu_budget().threads;
  {
    const Environment grant("SLURM_CPUS_PER_TASK", "1");
    EXPECT_EQ(cpu_budget().threads, 1);
    EXPECT_EQ(cpu_budget().decided_by == "SLURM_CPUS_PER_TASK", whole > 1);
  }
  for (const char* nothing : {"", "0", "-3", "two", "1x", "99999999999"}) {
    const Environment grant("SLURM_CPUS_PER_TASK", nothing);
    EXPECT_EQ(cpu_budget().threads, whole) << '"' << nothing << '"';
  }
}

TEST(cpu_budget, the_affinity_mask_lowers_it) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &before)) {
      CPU_SET(cpu, &one);
      break;
    }
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  const CpuBudget budget = cpu_budget();
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
  EXPECT_EQ(budget.threads, 1);
}

/// A folder laid out as /sys/fs/cgroup.
class Cgroups : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    root = fs::path(testing::TempDir()) / ("luban-" + std::string(test->name()));
    fs::remove_all(root);
    fs::create_directories(root);
  }
  void TearDown() override { fs::remove_all(root); }

  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
  }
  [[nodiscard]] std::optional<int> cpus(const std::string& membership) const {
    std::istringstream in(membership);
    return detail::cgroup_cpus(root, in);
  }

  fs::path root;
};

TEST_F(Cgroups, version_2_rounds_up_to_whole_cpus) {
  write("job/cpu.max", "150000 100000\n");
  EXPECT_EQ(cpus("0::/job\n"), 2);
  write("job/cpu.max", "20000 100000\n");
  EXPECT_EQ(cpus("0::/job\n"), 1);
}

TEST_F(Cgroups, version_2_without_a_quota_has_none) {
  write("job/cpu.max", "max 100000\n");
  EXPECT_EQ(cpus("0::/job\n"), std::nullopt);
}

TEST_F(Cgroups, the_tightest_group_above_counts) {
  write("cpu.max", "800000 100000\n");
  write("user/cpu.max", "300000 100000\n");
  write("user/job/cpu.max", "max 100000\n");
  EXPECT_EQ(cpus("0::/user/job\n"), 3);
  EXPECT_EQ(cpus("0::/\n"), 8);
}

TEST_F(Cgroups, version_1_reads_quota_and_period) {
  write("cpu/job/cpu.cfs_quota_us", "250000\n");
  write("cpu/job/cpu.cfs_period_us", "100000\n");
  const std::string membership = "4:memory:/elsewhere\n2:cpu,cpuacct:/job\n0::/\n";
  EXPECT_EQ(cpus(membership), 3);
  write("cpu/job/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(cpus(membership), std::nullopt);
}

TEST_F(Cgroups, what_is_missing_or_strange_limits_nothing) {
  EXPECT_EQ(cpus(""), std::nullopt);
  EXPECT_EQ(cpus("no colons here\n0::/nowhere\n"), std::nullopt);
  write("job/cpu.max", "many few\n");
  EXPECT_EQ(cpus("0::/job\n"), std::nullopt);
  write("job/cpu.max", "100000 0\n");
  EXPECT_EQ(cpus("0::/job\n"), std::nullopt);
}

}  // namespace
}  // namespace luban::parallel
