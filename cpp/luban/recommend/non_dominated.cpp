#include <luban/recommend/non_dominated.hpp>

#include <algorithm>
#include <numeric>

#include <luban/core/error.hpp>

namespace luban::recommend {
namespace {

void check(const Eigen::MatrixXd& utilities) {
  if (utilities.cols() > 0 && utilities.allFinite()) return;
  throw core::DataError({.where = "recommend.non_dominated",
                         .expected = "finite utilities of at least one objective",
                         .received = utilities.cols() == 0 ? "none" : "NaN or infinity",
                         .place = {},
                         .hint = {}});
}

/// Rows from the best to the worst, compared like words: a row is dominated only by rows before it.
std::vector<Eigen::Index> descending(const Eigen::MatrixXd& utilities) {
  std::vector<Eigen::Index> order(static_cast<std::size_t>(utilities.rows()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) {
    for (Eigen::Index j = 0; j < utilities.cols(); ++j) {
      if (utilities(a, j) != utilities(b, j)) return utilities(a, j) > utilities(b, j);
    }
    return a < b;
  });
  return order;
}

bool equal(const Eigen::MatrixXd& utilities, Eigen::Index a, Eigen::Index b) {
  return utilities.row(a) == utilities.row(b);
}

/// In this order a rank is as good in its last objective as the last row it took, and ranks fall in that.
void rank_by_search(const Eigen::MatrixXd& utilities, const std::vector<Eigen::Index>& order, std::vector<int>& rank) {
  const Eigen::Index last = utilities.cols() - 1;
  std::vector<double> best;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const Eigen::Index i = order[k];
    if (k > 0 && equal(utilities, i, order[k - 1])) {
      rank[i] = rank[order[k - 1]];
      continue;
    }
    const auto free =
        std::partition_point(best.begin(), best.end(), [&](double value) { return value >= utilities(i, last); });
    rank[i] = static_cast<int>(free - best.begin());
    if (free == best.end()) {
      best.push_back(utilities(i, last));
    } else {
      *free = utilities(i, last);
    }
  }
}

void rank_by_pairs(const Eigen::MatrixXd& utilities, const std::vector<Eigen::Index>& order, std::vector<int>& rank) {
  for (std::size_t k = 0; k < order.size(); ++k) {
    for (std::size_t earlier = 0; earlier < k; ++earlier) {
      const Eigen::Index a = order[earlier];
      const Eigen::Index b = order[k];
      if (rank[a] < rank[b]) continue;
      if ((utilities.row(a).array() >= utilities.row(b).array()).all() && !equal(utilities, a, b)) {
        rank[b] = rank[a] + 1;
      }
    }
  }
}

}  // namespace

std::vector<int> non_dominated_ranks(const Eigen::MatrixXd& utilities) {
  check(utilities);
  std::vector<int> rank(static_cast<std::size_t>(utilities.rows()), 0);
  const std::vector<Eigen::Index> order = descending(utilities);
  if (utilities.cols() <= 2) {
    rank_by_search(utilities, order, rank);
  } else {
    rank_by_pairs(utilities, order, rank);
  }
  return rank;
}

std::vector<Eigen::Index> non_dominated(const Eigen::MatrixXd& utilities) {
  const std::vector<int> rank = non_dominated_ranks(utilities);
  std::vector<Eigen::Index> rows;
  for (std::size_t i = 0; i < rank.size(); ++i) {
    if (rank[i] == 0) rows.push_back(static_cast<Eigen::Index>(i));
  }
  return rows;
}

}  // namespace luban::recommend
