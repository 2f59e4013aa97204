#include <luban/history/detail/file_digest.hpp>

namespace luban::history::detail {

ColumnView view_of(const ColumnData& data) {
  return std::visit(
      [](const auto& values) -> ColumnView {
        return std::span<const typename std::decay_t<decltype(values)>::value_type>(values);
      },
      data);
}

std::string file_digest(const TreeFile& file, const core::CallControl& control, const DamageHandler& on_damage) {
  std::vector<ManifestEntry> entries;
  for (const auto& [path, attributes] : file.groups()) entries.push_back({path, group_lines(path, attributes)});
  const auto total = static_cast<std::int64_t>(file.datasets().size());
  std::int64_t done = 0;
  for (const auto& [path, info] : file.datasets()) {
    control.check("history.verify");
    std::string digest = "unreadable";
    try {
      const ColumnData data = file.read(path);
      digest = data_digest(view_of(data));
    } catch (const core::IntegrityError& error) {
      if (!on_damage) throw;
      on_damage(path, error);
    }
    entries.push_back({path, dataset_lines(path, info.kind, info.count, digest, info.attributes)});
    control.report({.phase = "verify", .done = ++done, .total = total});
  }
  return content_digest(std::move(entries));
}

}  // namespace luban::history::detail
