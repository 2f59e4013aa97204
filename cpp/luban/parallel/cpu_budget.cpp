#include <luban/parallel/cpu_budget.hpp>

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include <luban/core/error.hpp>

namespace luban::parallel {
namespace {

std::optional<int> affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) {
    return std::nullopt;
  }
  return CPU_COUNT(&set);
}

/// Whole CPUs of the cgroup quota, version 2 and 1; rounded up, as half a CPU still runs one thread.
std::optional<int> cgroup_quota() {
  double quota = -1.0;
  double period = -1.0;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2) {
    std::string text;
    if (!(v2 >> text >> period) || text == "max") {
      return std::nullopt;
    }
    quota = std::strtod(text.c_str(), nullptr);
  } else {
    std::ifstream quota_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    std::ifstream period_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    if (!(quota_file >> quota) || !(period_file >> period)) {
      return std::nullopt;
    }
  }
  if (quota <= 0.0 || period <= 0.0) {
    return std::nullopt;
  }
  return std::max(1, static_cast<int>(std::ceil(quota / period)));
}

std::optional<int> slurm_grant() {
  const char* text = std::getenv("SLURM_CPUS_PER_TASK");
  if (text == nullptr) {
    return std::nullopt;
  }
  const int value = std::atoi(text);
  return value > 0 ? std::optional<int>(value) : std::nullopt;
}

}  // namespace

CpuBudget cpu_budget(int user_limit) {
  if (user_limit < 0) {
    throw core::ConfigurationError({.where = "parallel.cpu_budget",
                                    .expected = "a number of threads of at least 0 (0 = no limit of your own)",
                                    .received = std::to_string(user_limit),
                                    .place = {},
                                    .hint = {}});
  }
  CpuBudget budget{.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency())),
                   .decided_by = "affinity"};
  const auto lower = [&budget](std::optional<int> limit, const char* name) {
    if (limit && *limit < budget.threads) {
      budget = {.threads = std::max(1, *limit), .decided_by = name};
    }
  };
  lower(affinity(), "affinity");
  lower(cgroup_quota(), "cgroup");
  lower(slurm_grant(), "SLURM_CPUS_PER_TASK");
  if (user_limit > 0) {
    lower(user_limit, "user");
  }
  return budget;
}

}  // namespace luban::parallel
