#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <luban/recommend/export.hpp>

namespace luban::recommend {

/// The utilities above a reference that no point of a set dominates, cut into disjoint boxes. All objectives are
/// maximised; what lies below the reference counts as dominated.
///
/// Kept are the local bounds of the set: the lowest corners under which nothing undominated lies, each with the points
/// that hold it in its coordinates (Klamroth, Lacour and Vanderpooten 2015). Each bound owns a column over the first
/// m − 1 objectives; the columns tile the plane, are dominated up to the bound in the last objective (the boxes of
/// Lacour, Klamroth and Fonseca 2017) and undominated from there on: one box a bound, n + 1 boxes for two objectives,
/// at most 2 n + 1 for three, O(n²) for four. Ties are parted by the order of arrival: boxes without volume are left
/// out.
class LUBAN_RECOMMEND_EXPORT BoxDecomposition {
 public:
  static constexpr Eigen::Index most_objectives = 4;

  /// Nothing dominated yet. @throws ConfigurationError when the reference has not 1 to most_objectives finite values.
  explicit BoxDecomposition(Eigen::VectorXd reference);
  /// @param points (n, m). @throws as above and as add.
  BoxDecomposition(Eigen::VectorXd reference, const Eigen::MatrixXd& points);

  /// Takes points (n, m) on; the result is the same as with all points from the start.
  /// @throws DataError when the columns are not as many as the reference has or a value is not finite.
  void add(const Eigen::MatrixXd& points);

  [[nodiscard]] const Eigen::VectorXd& reference() const noexcept { return reference_; }
  [[nodiscard]] Eigen::Index objectives() const noexcept { return reference_.size(); }
  /// Number of boxes.
  [[nodiscard]] Eigen::Index size() const noexcept { return lower_.rows(); }
  [[nodiscard]] const Eigen::MatrixXd& lower() const noexcept { return lower_; }  ///< (boxes, m) finite
  [[nodiscard]] const Eigen::MatrixXd& upper() const noexcept { return upper_; }  ///< (boxes, m) may be infinite
  /// The points above the reference that no other point dominates, (k, m), in order of arrival; equal ones once.
  [[nodiscard]] Eigen::MatrixXd front() const;
  /// Volume above the reference that the points dominate: what the columns hold below their boxes.
  [[nodiscard]] double hypervolume() const;

 private:
  using Corner = std::array<double, most_objectives>;
  /// A local bound: its corner and, for each objective, which point holds it there (below 0: the reference).
  struct Bound {
    Corner corner;
    std::array<std::int32_t, most_objectives> holder;
  };

  void insert(const Corner& point);
  [[nodiscard]] bool exceeds(const Corner& point, const Bound& bound) const;
  /// Coordinate `objective` of what holds the bound in coordinate `holder`; infinite for the reference.
  [[nodiscard]] double reach(const Bound& bound, Eigen::Index holder, Eigen::Index objective) const;
  void split(const Bound& bound, const Corner& point, std::int32_t number);
  void cut_boxes();

  Eigen::VectorXd reference_;
  std::vector<Corner> points_;  ///< those that became part of a bound, in order of arrival
  std::vector<Bound> bounds_;
  std::vector<Bound> next_;  ///< of insert, kept for its memory
  Eigen::MatrixXd lower_, upper_;
};

}  // namespace luban::recommend
