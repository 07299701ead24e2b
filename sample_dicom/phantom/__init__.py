"""An analytic phantom of a thorax and upper abdomen, scanned into DICOM."""
