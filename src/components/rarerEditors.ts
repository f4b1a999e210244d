/** The chunk of the query editors that few queries need. */
export { AnnotationsEditor } from './AnnotationsEditor';
export { AttainmentEditor } from './AttainmentEditor';
export { CoverageEditor } from './CoverageEditor';
export { RequestEditor } from './RequestEditor';
export { TraceEditor } from './TraceEditor';
