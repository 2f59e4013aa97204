#include <luban/features/cells.hpp>

#include <algorithm>
#include <numeric>

namespace luban::features {

namespace {

/// Negative, zero or positive as row a of X stands before, equals or stands behind row b.
int compare_rows(const Eigen::MatrixXd& X, Eigen::Index a, Eigen::Index b) {
  for (Eigen::Index j = 0; j < X.cols(); ++j) {
    if (X(a, j) < X(b, j)) return -1;
    if (X(b, j) < X(a, j)) return 1;
  }
  return 0;
}

void sort_rows(const Eigen::MatrixXd& X, std::vector<Eigen::Index>& order, Eigen::Index begin, Eigen::Index end) {
  std::sort(order.begin() + begin, order.begin() + end, [&](Eigen::Index a, Eigen::Index b) {
    const int comparison = compare_rows(X, a, b);
    return comparison != 0 ? comparison < 0 : a < b;
  });
}

/// Closes the cells of order[begin, end), which is sorted.
void close_cells(const Eigen::MatrixXd& X, Cells& cells, Eigen::Index begin, Eigen::Index end) {
  for (Eigen::Index k = begin + 1; k <= end; ++k) {
    const auto at = static_cast<std::size_t>(k);
    if (k == end || compare_rows(X, cells.order[at - 1], cells.order[at]) != 0) cells.start.push_back(k);
  }
}

}  // namespace

Cells cells_of_readings(const Dataset& data) {
  std::vector<Eigen::Index> first(data.run_count() + 1, 0);  // counting sort by run
  for (const std::int32_t run : data.run) ++first[static_cast<std::size_t>(run) + 1];
  std::partial_sum(first.begin(), first.end(), first.begin());
  Cells cells;
  cells.order.resize(data.run.size());
  std::vector<Eigen::Index> next(first.begin(), first.end() - 1);
  for (std::size_t i = 0; i < data.run.size(); ++i) {
    cells.order[static_cast<std::size_t>(next[static_cast<std::size_t>(data.run[i])]++)] = static_cast<Eigen::Index>(i);
  }
  for (std::size_t run = 0; run < data.run_count(); ++run) {
    if (first[run] == first[run + 1]) continue;
    sort_rows(data.X, cells.order, first[run], first[run + 1]);
    close_cells(data.X, cells, first[run], first[run + 1]);
  }
  return cells;
}

Cells cells_of_rows(const Eigen::MatrixXd& X) {
  Cells cells;
  cells.order.resize(static_cast<std::size_t>(X.rows()));
  std::iota(cells.order.begin(), cells.order.end(), Eigen::Index{0});
  sort_rows(X, cells.order, 0, X.rows());
  if (X.rows() > 0) close_cells(X, cells, 0, X.rows());
  return cells;
}

}  // namespace luban::features
