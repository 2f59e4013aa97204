#pragma once

#include <Eigen/Core>

#include <luban/recommend/export.hpp>

namespace luban::recommend {

/// Volume of what the rows of utilities (n, m), larger is better, dominate above the reference (m): exact.
/// Rows that do not exceed the reference in every objective add nothing. O(n log n) up to m = 3 (sweep over a
/// staircase, Beume et al. 2009); above, a sum of exclusive volumes of one objective less (While, Bradstreet and
/// Barone 2012), O(n² log n) for m = 4 and exponential in m.
/// @throws DataError when the columns are not as many as the reference has or a value is not finite.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT double hypervolume(const Eigen::MatrixXd& utilities,
                                                        const Eigen::VectorXd& reference);

}  // namespace luban::recommend
