#include <luban/recommend/detail/conflict.hpp>

namespace luban::recommend::detail {
namespace {

LinearRows rows_of(const std::vector<Demand>& demands, const std::vector<bool>& kept) {
  LinearRows rows;
  Eigen::Index count = 0;
  Eigen::Index width = 0;
  for (std::size_t i = 0; i < demands.size(); ++i) {
    if (kept[i]) count += static_cast<Eigen::Index>(demands[i].a.size());
    if (!demands[i].a.empty()) width = demands[i].a.front().size();
  }
  rows.a.resize(count, width);
  rows.b.resize(count);
  Eigen::Index row = 0;
  for (std::size_t i = 0; i < demands.size(); ++i) {
    if (!kept[i]) continue;
    for (std::size_t k = 0; k < demands[i].a.size(); ++k, ++row) {
      rows.a.row(row) = demands[i].a[k];
      rows.b(row) = demands[i].b[k];
    }
  }
  return rows;
}

/// A point near the middle of the unit box, where coded settings live, is sought; any norm would do.
bool feasible(const LinearRows& rows) {
  const Eigen::Index d = rows.a.cols();
  if (rows.a.rows() == 0) return true;
  return solve_quadratic(Eigen::MatrixXd::Identity(d, d), Eigen::VectorXd::Constant(d, -0.5), rows).feasible;
}

}  // namespace

bool compatible(const std::vector<Demand>& demands) {
  return feasible(rows_of(demands, std::vector<bool>(demands.size(), true)));
}

std::vector<std::size_t> smallest_conflict(const std::vector<Demand>& demands) {
  std::vector<bool> kept(demands.size(), true);
  if (feasible(rows_of(demands, kept))) return {};
  std::vector<std::size_t> conflict;
  for (std::size_t i = 0; i < demands.size(); ++i) {
    kept[i] = false;
    if (feasible(rows_of(demands, kept))) {  // without it the rest agrees: it belongs to the conflict
      kept[i] = true;
      conflict.push_back(i);
    }
  }
  return conflict;
}

}  // namespace luban::recommend::detail
