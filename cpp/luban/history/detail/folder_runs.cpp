// What a folder computes for its runs: means and counts over readings that may lie in several segments, and samples.
#include <algorithm>
#include <limits>
#include <luban/history/detail/folder_view.hpp>
#include <map>

namespace luban::history::detail {
namespace {

/// Rows of /runs that a range list names, in order.
std::vector<std::size_t> rows_of(const Ranges& ranges) {
  std::vector<std::size_t> rows;
  for (const process::RowRange& range : ranges) {
    for (std::size_t row = range.begin; row < range.end; ++row) rows.push_back(row);
  }
  return rows;
}

}  // namespace

const FolderView::Part* FolderView::part_of(std::size_t segment) const noexcept {
  const auto found =
      std::find_if(parts_.begin(), parts_.end(), [&](const Part& part) { return part.segment == segment; });
  return found == parts_.end() ? nullptr : &*found;
}

// Calls visit(place in the view, place among the chosen runs of the part) for every chosen run of a part.
template <typename Visit>
void FolderView::for_each_run(const Part& part, const View& own, const Visit& visit) const {
  const std::size_t mine = own.own_run_count();
  for (std::size_t i = 0; i < mine; ++i) visit(part.first + i, i);
  const std::vector<std::size_t> rows = rows_of(own.runs());
  if (rows.size() == mine) return;
  const SegmentEntry& entry = files_->manifest().segments[part.segment];
  const std::vector<SegmentRow>& owners = join_->get().continued(part.segment);
  std::map<std::size_t, std::vector<std::size_t>> chosen_of;  // rows of the runs chosen in an earlier segment
  for (std::size_t i = mine; i < rows.size(); ++i) {
    const SegmentRow owner = owners.at(rows[i] - static_cast<std::size_t>(entry.runs));
    const Part* first = owner.segment == part.segment ? nullptr : part_of(owner.segment);
    if (first == nullptr) continue;
    const auto [known, is_new] = chosen_of.try_emplace(first->segment);
    if (is_new) known->second = rows_of(view(*first)->runs());
    const std::vector<std::size_t>& chosen = known->second;
    const auto found = std::lower_bound(chosen.begin(), chosen.end(), owner.row);
    if (found == chosen.end() || *found != owner.row) continue;
    const auto place = static_cast<std::size_t>(found - chosen.begin());
    if (place < first->rows) visit(first->first + place, i);
  }
}

std::vector<double> FolderView::derive(const ViewColumn& column) const {
  const bool counts = column.origin == Origin::run_count;
  std::vector<double> sum(rows_, 0.0);
  std::vector<double> count(rows_, 0.0);
  for (const Part& part : parts_) {
    const auto own = view(part);
    const RunSums sums = counts ? RunSums{own->run_counts(), {}} : own->run_sums(column.info.name);
    for_each_run(part, *own, [&](std::size_t place, std::size_t i) {
      sum[place] += sums.sum[i];
      if (!counts) count[place] += sums.count[i];
    });
  }
  if (counts) return sum;
  for (std::size_t i = 0; i < rows_; ++i) {
    sum[i] = count[i] > 0.0 ? sum[i] / count[i] : std::numeric_limits<double>::quiet_NaN();
  }
  return sum;
}

// The samples of a run are those of the first segment that has any.
process::Column FolderView::traces(const ViewColumn& column, process::RowRange rows) const {
  std::vector<std::vector<float>> samples(rows.size());
  for (const Part& part : parts_) {
    const SegmentEntry& entry = files_->manifest().segments[part.segment];
    const bool has = std::any_of(entry.columns.begin(), entry.columns.end(),
                                 [&](const SegmentColumn& c) { return c.path == column.path; });
    const bool within = part.first < rows.end && rows.begin < part.first + part.rows;
    if (!has || (!within && entry.continued == 0)) continue;
    const auto own = view(part);
    const process::Ragged all = own->run_samples(column.info.name);
    for_each_run(part, *own, [&](std::size_t place, std::size_t i) {
      if (place < rows.begin || place >= rows.end || !samples[place - rows.begin].empty()) return;
      samples[place - rows.begin].assign(all.values.begin() + all.offsets[i], all.values.begin() + all.offsets[i + 1]);
    });
  }
  process::Ragged out;
  for (const std::vector<float>& one : samples) {
    out.values.insert(out.values.end(), one.begin(), one.end());
    out.offsets.push_back(static_cast<std::int64_t>(out.values.size()));
  }
  return process::Column::ragged(column.info.name, column.info.unit, std::move(out));
}

process::Column FolderView::derived(const ViewColumn& column, process::RowRange rows) const {
  if (column.origin == Origin::trace) return traces(column, rows);
  std::vector<double> all;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = derived_.find(column.info.name); known != derived_.end()) all = known->second;
  }
  if (all.empty() && rows_ > 0) {
    all = derive(column);
    const std::lock_guard lock(mutex_);
    derived_.emplace(column.info.name, all);
  }
  return process::Column::float64(
      column.info.name, column.info.unit,
      {all.begin() + static_cast<std::ptrdiff_t>(rows.begin), all.begin() + static_cast<std::ptrdiff_t>(rows.end)});
}

}  // namespace luban::history::detail
