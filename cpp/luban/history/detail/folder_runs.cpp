// What a folder computes for its runs: means and counts over readings that may lie in several segments, and samples.
#include <algorithm>
#include <limits>
#include <luban/history/detail/chosen_rows.hpp>
#include <luban/history/detail/folder_view.hpp>
#include <map>
#include <memory>
#include <optional>

namespace luban::history::detail {

const FolderView::Part* FolderView::part_of(std::size_t segment) const noexcept {
  const auto found =
      std::find_if(parts_.begin(), parts_.end(), [&](const Part& part) { return part.segment == segment; });
  return found == parts_.end() ? nullptr : &*found;
}

// Calls visit(place in the view, place among the chosen runs of the part) for the chosen runs of a part that lie within
// `rows` of the view; the second one ascends.
template <typename Visit>
void FolderView::for_each_run(const Part& part, const View& own, process::RowRange rows, const Visit& visit) const {
  const std::size_t mine = own.own_run_count();
  const std::size_t end = rows.end - std::min(rows.end, part.first);
  for (std::size_t i = rows.begin - std::min(rows.begin, part.first); i < std::min(mine, end); ++i) {
    visit(part.first + i, i);
  }
  const std::size_t all = count_rows(own.runs());
  if (all == mine) return;
  const SegmentEntry& entry = files_->manifest().segments[part.segment];
  const std::vector<SegmentRow>& owners = join_->get().continued(part.segment);
  const ChosenRows own_rows(own.runs());
  struct Owner {
    const Part* part = nullptr;  ///< nothing when no run of the segment is in the view
    std::shared_ptr<const View> view;
    std::optional<ChosenRows> rows;
  };
  std::map<std::size_t, Owner> known;  // earlier segments
  for (std::size_t i = mine; i < all; ++i) {
    const SegmentRow owner = owners.at(own_rows.row(i) - static_cast<std::size_t>(entry.runs));
    const auto [found, is_new] = known.try_emplace(owner.segment);
    Owner& first = found->second;
    if (is_new && owner.segment != part.segment && (first.part = part_of(owner.segment)) != nullptr) {
      first.view = view(*first.part);
      first.rows.emplace(first.view->runs());
    }
    if (first.part == nullptr) continue;
    const std::optional<std::size_t> place = first.rows->place(static_cast<std::int64_t>(owner.row));
    if (!place || *place >= first.part->rows) continue;
    const std::size_t row = first.part->first + *place;
    if (rows.begin <= row && row < rows.end) visit(row, i);
  }
}

std::vector<double> FolderView::derive(const ViewColumn& column) const {
  const bool counts = column.origin == Origin::run_count;
  std::vector<double> sum(rows_, 0.0);
  std::vector<double> count(rows_, 0.0);
  for (const Part& part : parts_) {
    const auto own = view(part);
    const RunSums sums = counts ? RunSums{own->run_counts(), {}} : own->run_sums(column.info.name);
    for_each_run(part, *own, {0, rows_}, [&](std::size_t place, std::size_t i) {
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
    const ChosenRows own_rows(own->runs());
    Ranges wanted;
    std::vector<std::size_t> places;  // of each wanted run
    for_each_run(part, *own, rows, [&](std::size_t place, std::size_t i) {
      if (!samples[place - rows.begin].empty()) return;
      const std::size_t row = own_rows.row(i);
      if (!wanted.empty() && wanted.back().end == row) {
        ++wanted.back().end;
      } else {
        wanted.push_back({row, row + 1});
      }
      places.push_back(place - rows.begin);
    });
    if (wanted.empty()) continue;
    const process::Ragged found = own->run_samples(column.info.name, wanted);
    for (std::size_t i = 0; i < places.size(); ++i) {
      std::vector<float>& mine = samples[places[i]];
      if (mine.empty())
        mine.assign(found.values.begin() + found.offsets[i], found.values.begin() + found.offsets[i + 1]);
    }
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
