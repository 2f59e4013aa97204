#include "cgroup.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

namespace luban::parallel::detail {
namespace {

namespace fs = std::filesystem;

std::optional<int> whole_cpus(double quota, double period) {
  if (!(quota > 0.0) || !(period > 0.0)) return std::nullopt;  // -1 in version 1: no quota
  constexpr double most = 1e6;                                 // far beyond any machine, far below the largest int
  return std::max(1, static_cast<int>(std::ceil(std::min(quota / period, most))));
}

/// Version 2: "<quota> <period>", or "max <period>" without a quota.
std::optional<int> quota_v2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  double quota = 0.0;
  double period = 0.0;
  if (!(file >> quota >> period)) return std::nullopt;
  return whole_cpus(quota, period);
}

std::optional<int> quota_v1(const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us");
  std::ifstream period_file(group / "cpu.cfs_period_us");
  double quota = 0.0;
  double period = 0.0;
  if (!(quota_file >> quota) || !(period_file >> period)) return std::nullopt;
  return whole_cpus(quota, period);
}

/// Smallest quota of `group` and all above it, up to `root`.
template <typename Read>
std::optional<int> tightest(const fs::path& root, const std::string& group, Read read) {
  std::optional<int> out = read(root);
  fs::path at = root;
  for (const fs::path& part : fs::path(group).relative_path()) {
    at /= part;
    if (const std::optional<int> here = read(at)) out = std::min(out.value_or(*here), *here);
  }
  return out;
}

bool names_cpu(const std::string& controllers) {
  std::istringstream list(controllers);
  for (std::string controller; std::getline(list, controller, ',');) {
    if (controller == "cpu") return true;
  }
  return false;
}

}  // namespace

std::optional<int> cgroup_cpus(const fs::path& mount, std::istream& membership) {
  std::optional<int> out;
  const auto lower = [&out](std::optional<int> limit) {
    if (limit) out = std::min(out.value_or(*limit), *limit);
  };
  // Each line is "hierarchy:controllers:group"; version 2 is hierarchy 0 and names no controllers.
  for (std::string line; std::getline(membership, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (line.substr(0, first) == "0" && controllers.empty()) {
      lower(tightest(mount, group, quota_v2));
    } else if (names_cpu(controllers)) {
      lower(tightest(mount / "cpu", group, quota_v1));
    }
  }
  return out;
}

}  // namespace luban::parallel::detail
