#include <luban/surrogate/detail/factor.hpp>

#include <algorithm>

#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate::detail {

Factor::~Factor() = default;

void Factor::add_gradient_of_spread(const Eigen::VectorXd& /*theta*/, const Eigen::VectorXd& /*spread*/,
                                    Eigen::VectorXd& /*gradient*/) const {}

void Factor::add_gradient_of_coordinates(const Eigen::VectorXd& /*theta*/, const Points& /*points*/,
                                         const Eigen::MatrixXd& /*by_coordinates*/,
                                         Eigen::VectorXd& /*gradient*/) const {}

void Factor::add_input_gradient(const Eigen::VectorXd& /*theta*/, const Points& /*points*/,
                                const Eigen::MatrixXd& /*by_coordinates*/, Eigen::MatrixXd& /*by_numeric*/) const {}

std::optional<double> Factor::smoothed(const Eigen::VectorXd& variances, Eigen::VectorXd& /*theta*/) const {
  return of_categories() || variances.isZero(0.0) ? std::optional<double>(0.0) : std::nullopt;
}

void Factor::evaluate(const Eigen::Ref<const Eigen::MatrixXd>& rows, const Eigen::Ref<const Eigen::MatrixXd>& columns,
                      bool triangle, Eigen::Ref<Eigen::MatrixXd> value, double* slope,
                      Eigen::Index slope_stride) const {
  const SimdTable& loops = simd_table();
  const auto coordinates = static_cast<std::size_t>(rows.cols());
  const auto stride = static_cast<std::size_t>(rows.outerStride());
  const double share = 1.0 / static_cast<double>(std::max<Eigen::Index>(rows.cols(), 1));
  Eigen::VectorXd here(rows.cols());
  for (Eigen::Index j = 0; j < columns.rows(); ++j) {
    const Eigen::Index from = triangle ? j : 0;
    const auto count = static_cast<std::size_t>(rows.rows() - from);
    double* out = value.col(j).data() + from;
    here = columns.row(j).transpose();
    if (stationary()) {
      loops.squared_distances(count, coordinates, rows.data() + from, stride, here.data(), out);
      profile(count, out, slope == nullptr ? nullptr : slope + j * slope_stride + from);
    } else {
      Eigen::Map<Eigen::VectorXd>(out, static_cast<Eigen::Index>(count)) =
          share * (rows.bottomRows(static_cast<Eigen::Index>(count)) * here);
    }
  }
}

}  // namespace luban::surrogate::detail
