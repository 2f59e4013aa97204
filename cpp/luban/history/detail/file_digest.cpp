#include <algorithm>
#include <luban/history/detail/file_digest.hpp>
#include <luban/history/detail/stored_digest.hpp>
#include <luban/parallel/arena.hpp>
#include <mutex>
#include <optional>

namespace luban::history::detail {

ColumnView view_of(const ColumnData& data) {
  return std::visit(
      [](const auto& values) -> ColumnView {
        return std::span<const typename std::decay_t<decltype(values)>::value_type>(values);
      },
      data);
}

std::string file_digest(const TreeFile& file, const core::CallControl& control, const DamageHandler& on_damage) {
  struct Checked {
    const std::string* path;
    const DatasetInfo* info;
    std::string digest = "unreadable";
    std::optional<core::IntegrityError> damage = {};
  };
  std::vector<Checked> datasets;
  std::size_t elements = 0;
  for (const auto& [path, info] : file.datasets()) {
    datasets.push_back({&path, &info});
    elements += std::min(info.count, worth_threads);
  }
  const auto total = static_cast<std::int64_t>(datasets.size());
  std::mutex reporting;
  std::int64_t done = 0;
  parallel::for_each_index(
      datasets.size(),
      [&](std::size_t i) {
        control.check("history.verify");
        try {
          datasets[i].digest = stored_digest(file, *datasets[i].path);
        } catch (const core::IntegrityError& error) {
          if (!on_damage) throw;
          datasets[i].damage = error;
        }
        const std::lock_guard one_at_a_time(reporting);
        control.report({.phase = "verify", .done = ++done, .total = total});
      },
      elements < worth_threads ? 1 : 0);
  std::vector<ManifestEntry> entries;
  for (const auto& [path, attributes] : file.groups()) entries.push_back({path, group_lines(path, attributes)});
  for (const Checked& checked : datasets) {
    if (checked.damage) on_damage(*checked.path, *checked.damage);
    const DatasetInfo& info = *checked.info;
    entries.push_back(
        {*checked.path, dataset_lines(*checked.path, info.kind, info.count, checked.digest, info.attributes)});
  }
  return content_digest(std::move(entries));
}

}  // namespace luban::history::detail
