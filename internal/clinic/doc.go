// Package clinic owns the clinic itself: the tenant that every row carries and every query names. It says what kind of
// site it is, which calendar it lives by, on which days it is closed, and which rule pack its medical lead adopted.
//
// It ranks below every other noun. Who acts comes in as a [Signatory], and an audited change goes out as a [Change],
// because staff and audit rank above.
package clinic
