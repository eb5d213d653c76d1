import type ts from 'typescript';

export function inlineConstants(checker: ts.TypeChecker): ts.TransformerFactory<ts.SourceFile>;
