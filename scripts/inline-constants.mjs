// A TypeScript transformer: a constant number that comes from another module is written as the number itself, as
// TypeScript does for const enums (which `erasableSyntaxOnly` rules out).
//
// V8 keeps an imported binding in a cell of its module, and loads and checks it at each use; a number it folds away, and
// shifts and masks by numbers are single instructions. With the numbers a pair of mmap and munmap takes 0.6 of the time.
//
// A reason is such a constant: `reason('do_mmap.zero_len', …)` stands for a number that its id alone makes. Where nothing but
// such numbers is imported from a module of reasons, the import goes, so that the code carries no texts.
import ts from 'typescript';

/** The number of a reason: `reasonNumber` of packages/mm-core/src/reasons/table.ts. */
export function reasonNumber(id) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return hash & 0x3fffffff || 1;
}

/** The number that `reason('id', …)` makes, or undefined for another expression. */
function declaredReason(node) {
  if (node === undefined || !ts.isCallExpression(node)) return undefined;
  const [id] = node.arguments;
  const named = ts.isIdentifier(node.expression) && node.expression.text === 'reason';
  return named && id !== undefined && ts.isStringLiteral(id) ? reasonNumber(id.text) : undefined;
}

/** The declaration behind a name that was imported. */
function declarationOf(checker, symbol) {
  if (symbol === undefined) return undefined;
  return (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol).valueDeclaration;
}

/** The value of an initialiser that is made of numbers and constants, or undefined. */
function evaluate(checker, node, depth = 0) {
  if (depth > 20) return undefined;
  if (ts.isNumericLiteral(node)) return Number(node.text);
  if (ts.isParenthesizedExpression(node)) return evaluate(checker, node.expression, depth + 1);
  if (ts.isIdentifier(node)) return constantValue(checker, checker.getSymbolAtLocation(node), depth + 1);
  if (ts.isPrefixUnaryExpression(node)) {
    const value = evaluate(checker, node.operand, depth + 1);
    if (value === undefined) return undefined;
    if (node.operator === ts.SyntaxKind.MinusToken) return -value;
    return node.operator === ts.SyntaxKind.TildeToken ? ~value : undefined;
  }
  if (!ts.isBinaryExpression(node)) return undefined;
  const a = evaluate(checker, node.left, depth + 1);
  const b = evaluate(checker, node.right, depth + 1);
  if (a === undefined || b === undefined) return undefined;
  switch (node.operatorToken.kind) {
    case ts.SyntaxKind.BarToken:
      return a | b;
    case ts.SyntaxKind.AmpersandToken:
      return a & b;
    case ts.SyntaxKind.CaretToken:
      return a ^ b;
    case ts.SyntaxKind.LessThanLessThanToken:
      return a << b;
    case ts.SyntaxKind.GreaterThanGreaterThanToken:
      return a >> b;
    case ts.SyntaxKind.PlusToken:
      return a + b;
    case ts.SyntaxKind.MinusToken:
      return a - b;
    case ts.SyntaxKind.AsteriskToken:
      return a * b;
    case ts.SyntaxKind.SlashToken:
      return a / b;
    case ts.SyntaxKind.AsteriskAsteriskToken:
      return a ** b;
    default:
      return undefined;
  }
}

/** The number that a symbol stands for, if it is a const with a known one. */
function constantValue(checker, symbol, depth = 0) {
  if (symbol === undefined) return undefined;
  const declaration = declarationOf(checker, symbol);
  if (declaration === undefined || !ts.isVariableDeclaration(declaration)) return undefined;
  if (!(ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const)) return undefined;
  const ofReason = declaredReason(declaration.initializer);
  if (ofReason !== undefined) return ofReason;
  const type = checker.getTypeAtLocation(declaration.name);
  if (type.isNumberLiteral()) return type.value;
  if (declaration.initializer === undefined || !(type.flags & ts.TypeFlags.Number)) return undefined;
  return evaluate(checker, declaration.initializer, depth + 1);
}

/**
 * Replaces the names of imported constants by numbers; the names stay as comments.
 *
 * @param checker of the program whose files are transformed
 */
export function inlineConstants(checker) {
  return (context) => {
    const { factory } = context;
    const known = new Map();
    const valueOf = (name) => {
      const symbol = checker.getSymbolAtLocation(name);
      if (symbol === undefined || !(symbol.flags & ts.SymbolFlags.Alias)) return undefined;
      if (!known.has(symbol)) known.set(symbol, constantValue(checker, symbol));
      const value = known.get(symbol);
      return Number.isFinite(value) ? value : undefined;
    };
    /** Whether an import names nothing but constants that hold reasons. */
    const importsReasons = (node) => {
      const names = node.importClause?.namedBindings;
      if (names === undefined || !ts.isNamedImports(names) || node.importClause.name !== undefined) return false;
      if (names.elements.length === 0) return false;
      return names.elements.every(({ name }) => {
        const declaration = declarationOf(checker, checker.getSymbolAtLocation(name));
        return declaration !== undefined && declaredReason(declaration.initializer) !== undefined;
      });
    };
    const literal = (name, value) => {
      const number = factory.createNumericLiteral(Math.abs(value));
      const node =
        value < 0
          ? factory.createParenthesizedExpression(factory.createPrefixUnaryExpression(ts.SyntaxKind.MinusToken, number))
          : number;
      return ts.addSyntheticTrailingComment(node, ts.SyntaxKind.MultiLineCommentTrivia, ` ${name} `, false);
    };
    const visit = (node) => {
      if (ts.isImportDeclaration(node) && importsReasons(node)) return undefined;
      if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isTypeNode(node)) return node;
      if (ts.isShorthandPropertyAssignment(node)) {
        const symbol = checker.getShorthandAssignmentValueSymbol(node);
        const value = symbol && symbol.flags & ts.SymbolFlags.Alias ? constantValue(checker, symbol) : undefined;
        if (!Number.isFinite(value)) return node;
        return factory.createPropertyAssignment(node.name.text, literal(node.name.text, value));
      }
      if (ts.isPropertyAccessExpression(node)) {
        return factory.updatePropertyAccessExpression(node, ts.visitNode(node.expression, visit), node.name);
      }
      if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)) {
        return factory.updatePropertyAssignment(node, node.name, ts.visitNode(node.initializer, visit));
      }
      if (ts.isIdentifier(node)) {
        const value = ts.isExpression(node) ? valueOf(node) : undefined;
        return value === undefined ? node : literal(node.text, value);
      }
      return ts.visitEachChild(node, visit, context);
    };
    return (file) => ts.visitNode(file, visit);
  };
}
