#include <luban/parallel/cpu_budget.hpp>

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include <luban/core/error.hpp>

#include "detail/cgroup.hpp"

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

/// Read once: the budget is asked for at every parallel call, and a quota is fixed when a job or container starts.
std::optional<int> cgroup_quota() {
  static const std::optional<int> quota = [] {
    std::ifstream membership("/proc/self/cgroup");
    return detail::cgroup_cpus("/sys/fs/cgroup", membership);
  }();
  return quota;
}

std::optional<int> slurm_grant() {
  const char* text = std::getenv("SLURM_CPUS_PER_TASK");
  if (text == nullptr) {
    return std::nullopt;
  }
  const std::string_view digits(text);
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size();
  return whole && value > 0 ? std::optional<int>(value) : std::nullopt;
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
  const std::optional<int> allowed = affinity();  // at most those of the machine, whose count costs a file to read
  CpuBudget budget{.threads = std::max(1, allowed ? *allowed : static_cast<int>(std::thread::hardware_concurrency())),
                   .decided_by = "affinity"};
  const auto lower = [&budget](std::optional<int> limit, const char* name) {
    if (limit && *limit < budget.threads) {
      budget = {.threads = std::max(1, *limit), .decided_by = name};
    }
  };
  lower(cgroup_quota(), "cgroup");
  lower(slurm_grant(), "SLURM_CPUS_PER_TASK");
  if (user_limit > 0) {
    lower(user_limit, "user");
  }
  return budget;
}

}  // namespace luban::parallel
